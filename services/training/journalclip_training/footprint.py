"""What one step of a recipe needs, counted without data, weights or a GPU: bytes at the peak, and operations.

The step runs on fake tensors, which have shapes and no memory: forward and backward of one micro-batch under bf16 where
the recipe asks for it, and the optimiser's update. Every storage is counted from its making to its end, so the peak
holds weights, gradients, moments and whatever the backward pass keeps. Hours are an estimate from the counted
operations, an accelerator's printed peak and an assumed share of it; they are no measurement.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, CLIPConfig, CLIPModel, ResNetConfig, ResNetModel

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import with_resnet
from journalclip_modeling.studies.model import study_model
from journalclip_training.batches import Order
from journalclip_training.config import OptimConfig, TrainConfig
from journalclip_training.errors import BaseUnavailable
from journalclip_training.fit import order_of, steps_of
from journalclip_training.lora import add_lora
from journalclip_training.losses.tiles import SIDES
from journalclip_training.optim import Average, adamw, freeze
from journalclip_training.recipes import RECIPES, article_config, study_config
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.towers import Towers, patches

MOST_SEQUENCES = 5  # of a head examination in the published archive: T1WI, T2WI, DWI, ADC, FLAIR
SHARE_OF_PEAK = 0.35  # assumed: what well-tuned CLIP training reaches on such chips; ours is not measured yet


@dataclass(frozen=True)
class Gpu:
    """As its maker prints it: bytes of memory, dense bf16 operations a second."""

    name: str
    memory: int
    peak: float


A100 = Gpu("A100 80 GB", 80 * 10**9, 312e12)


@dataclass(frozen=True)
class Footprint:
    """One step on one device. ``peak_bytes`` includes weights, gradients, moments and activations."""

    batch: int
    micro: int
    parameters: int
    trainable: int
    peak_bytes: int
    operations: int  # floating-point operations of one whole step

    def seconds(self, gpu: Gpu) -> float:
        """Estimated, of one step."""
        return self.operations / (SHARE_OF_PEAK * gpu.peak)

    def fits(self, gpu: Gpu) -> bool:
        return self.peak_bytes <= gpu.memory


def of_figures(config: TrainConfig) -> Footprint:
    """Raises `BaseUnavailable` for a start whose sizes are not known without loading it."""
    sizes = clip_sizes(config)
    with FakeTensorMode():
        model, image = fake_clip(config, sizes), sizes.vision_config.image_size
        if config.model.trainable == "lora":
            add_lora(model, config.model.lora_rank)
        if config.model.activation_checkpointing:
            model.activation_checkpointing_enable()
        towers = Towers(model.train(), Preprocess(image), config.model.bf16, config.model.patch_dropout)
        micro = config.optim.micro_batch or config.optim.batch
        drawn = 8 + (patches(model) if config.model.patch_dropout else 0)
        given = (
            torch.zeros(micro, 3, image, image, dtype=torch.uint8),
            torch.zeros(micro, sizes.text_config.max_position_embeddings, dtype=torch.int64),
            torch.zeros(micro, drawn),
        )
        return _step(model, config.optim, micro, lambda: towers(*given, config.data.augment))


def of_studies(config: StudyTrainConfig) -> Footprint:
    """Of studies with `MOST_SEQUENCES` described sequences each, texts as long as they may be."""
    each = 1 if config.data.unit == "volume" else min(MOST_SEQUENCES, len(config.model.sequences))
    with FakeTensorMode():
        model = study_model(config.model).train()
        model.save_memory(config.checkpoint_slices)
        micro = config.optim.micro_batch or config.optim.batch
        volumes = torch.zeros(micro * each, *config.model.grid, dtype=torch.uint8)
        ids = torch.zeros(micro * each, config.model.text.context, dtype=torch.int64)
        kind = torch.zeros(micro * each, dtype=torch.int64)

        def embed() -> tuple[Tensor, ...]:
            with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
                return model.encode_volumes(volumes, kind)[0].float(), model.texts(ids)

        return _step(model, config.optim, micro, embed)


def fake_clip(config: TrainConfig, sizes: CLIPConfig) -> CLIPModel:
    """The recipe's towers with no weights worth the name, inside a `FakeTensorMode`."""
    model = CLIPModel(sizes)
    if config.model.image_base:
        model = with_resnet(model, ResNetModel(ResNetConfig()), sizes.vision_config.image_size, "frozen")
    freeze(model, config.model.trainable)
    return model


def clip_sizes(config: TrainConfig) -> CLIPConfig:
    """Of OpenAI's three ViTs by name, of a folder, or of a start from scratch."""
    base = config.model.base
    if base == "scratch":
        small = config.model.scratch
        tower = {
            "hidden_size": small.width, "intermediate_size": 4 * small.width, "num_hidden_layers": small.layers,
            "num_attention_heads": small.heads,
        }  # fmt: skip
        text = {**tower, "vocab_size": small.vocabulary, "max_position_embeddings": small.context, "bos_token_id": 2}
        text |= {"eos_token_id": 1, "pad_token_id": 0}
        vision = {**tower, "image_size": small.image_size, "patch_size": small.patch_size}
        sizes = CLIPConfig(text_config=text, vision_config=vision, projection_dim=small.dim)
    elif base in _OPENAI:
        sizes = _openai(*_OPENAI[base])
    elif (Path(base) / "config.json").is_file():
        sizes = AutoConfig.from_pretrained(base, local_files_only=True)
    else:
        raise BaseUnavailable(base, "its sizes are not known without loading it; give its folder")
    if config.model.context:
        sizes.text_config.max_position_embeddings = config.model.context
    return sizes


# width, layers, patch of the image tower; width of the text tower; width of the shared space
_OPENAI = {
    "openai/clip-vit-base-patch32": (768, 12, 32, 512, 512),
    "openai/clip-vit-base-patch16": (768, 12, 16, 512, 512),
    "openai/clip-vit-large-patch14": (1024, 24, 14, 768, 768),
}


def _openai(width: int, layers: int, patch: int, text: int, dim: int) -> CLIPConfig:
    def tower(size: int, depth: int) -> dict[str, int]:
        return {
            "hidden_size": size, "intermediate_size": 4 * size, "num_hidden_layers": depth,
            "num_attention_heads": size // 64, "projection_dim": dim,
        }  # fmt: skip

    return CLIPConfig(
        text_config=tower(text, 12), vision_config={**tower(width, layers), "patch_size": patch}, projection_dim=dim
    )


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its __init_subclass__
    """Bytes of all storages that live, and the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: dict[int, int] = {}
        self.now = self.most = 0

    def see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key not in self.live:
            self.live[key] = storage.nbytes()
            self.now += self.live[key]
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.live.pop(key)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self.see, out)
        return out


@contextmanager
def _counted(model: nn.Module) -> Iterator[tuple[_Peak, FlopCounterMode]]:
    """Peak and operations of what runs inside, weights included."""
    peak, operations = _Peak(), FlopCounterMode(display=False)
    for each in [*model.parameters(), *model.buffers()]:
        peak.see(each)
    with operations, peak:
        yield peak, operations


def _step(model: nn.Module, config: OptimConfig, micro: int, embed: Callable[[], tuple[Tensor, ...]]) -> Footprint:
    trainable = [each for each in model.parameters() if each.requires_grad]
    with _counted(model) as (peak, counter):
        average = Average(model, config.ema)
        vectors = embed()
        once = counter.get_total_flops()
        torch.autograd.backward(vectors, [torch.ones_like(each) for each in vectors])
        del vectors
        whole = counter.get_total_flops()
        optimizer = adamw(model, {}, config)
        for group in optimizer.param_groups:
            group["fused"] = False  # the fused kernel knows no fake tensors; its moments are the same
        optimizer.step()
        del average
    rounds = -(-config.batch // micro)
    cached = once * rounds if rounds > 1 else 0  # cached representations embed every micro-batch twice
    tiles = 2 * min(config.batch, SIDES["cuda"]) ** 2 * 4
    return Footprint(
        batch=config.batch,
        micro=micro,
        parameters=sum(each.numel() for each in model.parameters()),
        trainable=sum(each.numel() for each in trainable),
        peak_bytes=peak.most + tiles,
        operations=whole * rounds + cached,
    )


def estimate(recipe: str, settings: Sequence[str], pairs: int) -> tuple[Footprint, int]:
    """The footprint of a recipe of figures or of studies by name, and its steps over ``pairs``.

    A batch is never larger than the dataset. Raises `RecipeUnknown`, `SettingInvalid`, `BaseUnavailable`.
    """
    found = RECIPES.get(recipe)
    if found is not None and found.kind == "studies":
        study = study_config(recipe, settings)
        study = replace(study, optim=_capped(study.optim, pairs))
        return of_studies(study), steps_of(Order(pairs, study.optim.batch, study.seed), study.optim)
    figures = article_config(recipe, settings)
    figures = replace(figures, optim=_capped(figures.optim, pairs))
    return of_figures(figures), steps_of(order_of(figures, pairs), figures.optim)


def _capped(config: OptimConfig, pairs: int) -> OptimConfig:
    return replace(config, batch=min(config.batch, pairs), micro_batch=min(config.micro_batch, pairs))
