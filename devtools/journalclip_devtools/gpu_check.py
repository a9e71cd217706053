"""``make gpu-check``: what the training core does on this machine, each figure written as soon as it is known.

It needs PyTorch, transformers and the libraries that the training core imports, and imports neither Ray, MLflow, Kafka
nor S3. Without open_clip its columns are left out, and the file says so. ``--tiny`` runs every section at toy sizes on
a CPU: that proves the script, and its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel

from journalclip_devtools.benches.chip import flops_of, peak_flops
from journalclip_devtools.benches.loss import inputs
from journalclip_devtools.benches.trainers import CONTEXT, Side, open_clip_step, our_step, tokens
from journalclip_modeling.machine import AUTO, describe, resolved
from journalclip_modeling.two_tower import TwoTower, TwoTowerConfig
from journalclip_training.example_steps import OPENAI, example_step, openai_sizes
from journalclip_training.optim import adamw
from journalclip_training.recipes import RECIPES
from journalclip_training.step import backward

FORBIDDEN = ("ray", "mlflow", "kafka", "minio")  # accelerate, which peft imports, takes boto3 where it is installed
_LIMIT_S = 8 * 60


@dataclass(frozen=True)
class Tower:
    """A CLIP of a known size: our model, open_clip's name of it, and a batch that fits 40 GB."""

    name: str
    make: Callable[[], nn.Module]
    open_clip: str
    size: int
    batch: int


@dataclass
class Report:
    """The file that grows; a section that fails is a sentence in it, not the end."""

    path: Path
    found: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add(self, name: str, work: Callable[[], object]) -> None:
        """Run one section and write what it found; nothing new begins after `_LIMIT_S`."""
        if time.monotonic() - self.started > _LIMIT_S:
            self.found[name] = "not run: eight minutes are over"
        else:
            try:
                self.found[name] = work()
            except torch.OutOfMemoryError:
                self.found[name] = "did not fit the device"
            except ImportError as error:
                self.found[name] = f"not run: {error}"
        self.path.write_text(json.dumps(self.found, indent=1) + "\n")
        print(name, json.dumps(self.found[name]), flush=True)


def main(arguments: list[str]) -> int:
    """0 where every section ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("gpu-check.json"))
    parser.add_argument("--device", default=AUTO)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    device = resolved(asked.device)
    print(describe(device), flush=True)
    report = Report(asked.out)
    report.add("machine", lambda: machine(device, asked.tiny))
    for tower in towers(asked.tiny):
        report.add(f"step {tower.name}", partial(steps, tower, device, asked.tiny))
        report.add(f"encode {tower.name}", partial(encoding, tower, device))
    for batch in (64,) if asked.tiny else (8192, 16384, 32768):
        for form in ("chunked", "naive"):
            report.add(f"loss {form} {batch}", partial(loss, batch, form, device))
    for name in study_recipes(asked.tiny):
        report.add(f"recipe {name}", partial(recipe_step, name, device, asked.tiny))
    report.add("imported", lambda: sorted(name for name in FORBIDDEN if name in sys.modules))
    complete = not any(isinstance(each, str) for each in report.found.values())
    return int(not complete or bool(report.found["imported"]))


def machine(device: str, tiny: bool) -> dict[str, object]:
    import transformers

    return {
        "device": describe(device), "python": platform.python_version(), "torch": torch.__version__,
        "transformers": transformers.__version__, "tiny": tiny, "peak_bf16": peak_flops(device, bf16=True),
    }  # fmt: skip


def towers(tiny: bool) -> Iterator[Tower]:
    """ViT-B/32, B/16, L/14 and RN50 as OpenAI published them; tiny: one small ViT."""
    if tiny:
        yield Tower("tiny", lambda: CLIPModel(_tiny()), "", 32, 4)
        return
    names = ("ViT-B/32", "ViT-B/16", "ViT-L/14")
    for name, sizes, batch in zip(names, OPENAI.values(), (512, 256, 64), strict=True):
        made = f"{name.replace('/', '-')}-quickgelu"
        yield Tower(name, partial(_vit, sizes), made, 224, batch)
    yield Tower("RN50", _rn50, "RN50-quickgelu", 224, 256)


def _vit(sizes: tuple[int, int, int, int, int]) -> CLIPModel:
    return CLIPModel(openai_sizes(*sizes))


def _tiny() -> CLIPConfig:
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**tower, "vocab_size": 49408, "max_position_embeddings": CONTEXT, "eos_token_id": 49407}
    return CLIPConfig(text_config=text, vision_config={**tower, "image_size": 32, "patch_size": 16}, projection_dim=16)


def _rn50() -> TwoTower:
    text = openai_sizes(*OPENAI["openai/clip-vit-base-patch32"]).text_config.to_dict()
    return TwoTower(
        TwoTowerConfig(
            image={"timm": "resnet50_clip", "arguments": {"num_classes": 1024, "img_size": 224}},
            text={"config": {**text, "model_type": "clip_text_model"}, "pooling": "eos", "end": 49407},
            image_projection={"kind": "none"},
            projection_dim=1024,
        )
    )


def steps(tower: Tower, device: str, tiny: bool) -> dict[str, object]:
    """Samples a second, memory and share of the chip's peak of our step, and of open_clip's on the same tokens."""
    ids = tokens(tower.batch, CONTEXT, CONTEXT)
    ours = _timed(our_step(tower.make(), tower.size, ids, device, bf16=not tiny), tower.batch, device)
    if not tower.open_clip:
        return {"batch": tower.batch, "ours": ours}
    import open_clip

    model = open_clip.create_model(tower.open_clip, pretrained=None)
    theirs = _timed(open_clip_step(model, tower.size, ids, device, bf16=True), tower.batch, device)
    ratio = float(ours["samples_per_s"] or 0) / float(theirs["samples_per_s"] or 1)  # type: ignore[arg-type]
    return {"batch": tower.batch, "ours": ours, "open_clip": theirs, "ratio": ratio}


def _timed(side: Side, batch: int, device: str) -> dict[str, object]:
    cuda = device.startswith("cuda")
    side.step()  # warms allocators and kernels up
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = statistics.median(_seconds(side.step, device) for _ in range(5))
    peak, flops = peak_flops(device, bf16=True), flops_of(side.step) if cuda else None
    return {
        "samples_per_s": batch / seconds, "peak_bytes": torch.cuda.max_memory_allocated() if cuda else None,
        "share_of_peak": flops / seconds / peak if flops and peak else None, "parameters": side.parameters,
    }  # fmt: skip


def encoding(tower: Tower, device: str) -> dict[str, float]:
    """Pictures and texts a second through the towers alone, float32."""
    from journalclip_modeling.encoder import image_features, text_features

    model = tower.make().to(device).eval()
    pixels = torch.rand(tower.batch, 3, tower.size, tower.size, device=device)
    ids = torch.from_numpy(tokens(tower.batch, CONTEXT, CONTEXT)).to(device)

    def rate(work: Callable[[], object]) -> float:
        work()
        return tower.batch / statistics.median(_seconds(work, device) for _ in range(5))

    with torch.inference_mode():
        return {
            "pictures_per_s": rate(lambda: image_features(model, pixels)),
            "texts_per_s": rate(lambda: text_features(model, ids)),
        }


def loss(batch: int, form: str, device: str) -> dict[str, object]:
    """Value and gradients of the soft loss at width 512, in tiles or with whole matrices."""
    each = inputs(batch, 512, device=torch.device(device))
    each.evaluate(form)
    cuda = device.startswith("cuda")
    before = torch.cuda.memory_allocated() if cuda else 0
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = statistics.median(_seconds(lambda: each.evaluate(form), device) for _ in range(3))
    return {"seconds": seconds, "bytes": torch.cuda.max_memory_allocated() - before if cuda else None}


def study_recipes(tiny: bool) -> list[str]:
    """Head-MRI recipes for a GPU; tiny: those for a CPU."""
    found = [each.name for each in RECIPES.values() if each.kind == "studies" and (each.gpu is None) == tiny]
    return [name for name in found if not tiny or name.endswith("demo")]


def recipe_step(name: str, device: str, tiny: bool) -> dict[str, object]:
    """One whole step at the recipe's own batch and grid, of empty volumes; tiny: four of a batch."""
    from journalclip_training.config import with_overrides

    step = example_step(
        with_overrides(RECIPES[name].make(), ["loss.semantic=hashing", *(["optim.batch=4"] if tiny else [])]),
        device,
        real=True,
    )
    optimizer = adamw(step.task.model, step.task.extra, step.optim)
    value = [0.0]

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        value[0] = backward(step.task.embed, step.task.loss(0, step.batch), step.batch, step.optim.micro_batch)
        optimizer.step()

    once()
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    return {
        "batch": len(step.batch), "loss": value[0], "seconds": _seconds(once, device),
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else None,
    }  # fmt: skip


def _seconds(work: Callable[[], object], device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
