"""One batch of a recipe with nothing to see in it, behind the very task that trains: on a device, or without memory.

On a device a step's time and memory can be measured before there is data. On fake ``cuda`` tensors an operation between
two devices fails as it would on a GPU; a backward pass and bf16 do not run there. On fake ``cpu`` tensors a whole step
runs, bf16 included. Neither needs weights or a GPU.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoConfig, CLIPConfig, CLIPModel, ResNetConfig, ResNetModel

from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import with_resnet
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.studies.model import study_model
from journalclip_shared.artifacts import blob_ref
from journalclip_shared.records.caption import CaptionRecord, Finding
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.report import ReportFinding, SequenceDescription
from journalclip_training.batches import Indices
from journalclip_training.config import OptimConfig, RunConfig, RunOptions, TrainConfig
from journalclip_training.errors import BaseUnavailable
from journalclip_training.figures import FigureTask
from journalclip_training.fit import FitTask, order_of
from journalclip_training.losses.process_group import Single
from journalclip_training.samples import Samples
from journalclip_training.step import Batch
from journalclip_training.studies.augment import vary
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import StudyBatch, StudyTask, plan_of, shown
from journalclip_training.studies.samples import StudySamples, as_units
from journalclip_training.towers import patches

MOST_SEQUENCES = 5  # of a head examination in the published archive: T1WI, T2WI, DWI, ADC, FLAIR
_SITES = ("thalamus", "pons", "insula", "cerebellum")


@dataclass(frozen=True)
class ExampleStep:
    """``part`` is one micro-batch of ``batch``; to be used inside `fake`, if it was made as one."""

    task: FitTask[Any]
    optim: OptimConfig
    batch: Any
    part: Any


@contextmanager
def fake() -> Iterator[None]:
    """Tensors made here have no memory; numbers read off them are 1."""
    with FakeTensorMode(allow_non_fake_inputs=True), _Ones():  # type: ignore[no-untyped-call]
        yield


def example_step(config: RunConfig, device: str, *, real: bool = False, shallow: bool = False) -> ExampleStep:
    """Of either kind, without memory unless ``real``. ``shallow``: one layer or block a stage, at full width and batch,
    which is quick.

    Raises `BaseUnavailable` for a start whose sizes are not known without loading it.
    """
    if isinstance(config, StudyTrainConfig):
        return _study_step(_shallow_study(config) if shallow else config, device, real)
    assert isinstance(config, TrainConfig), "there are two kinds"
    return _figure_step(config, device, real, shallow)


def _figure_step(config: TrainConfig, device: str, real: bool, shallow: bool) -> ExampleStep:
    sizes = clip_sizes(config)
    if shallow:
        sizes.vision_config.num_hidden_layers = sizes.text_config.num_hidden_layers = 1
    image, context = sizes.vision_config.image_size, sizes.text_config.max_position_embeddings
    size = config.optim.batch
    samples = Samples(tuple(_pair(n) for n in range(size)), _Uniform(size, image))
    tokenizer = train_tokenizer(samples.texts[:8], 300, context)
    options = RunOptions(device=device if real else "meta")
    with torch.device(options.device):
        model = _clip(config, sizes, shallow)
    with tempfile.TemporaryDirectory() as folder, _Ones():  # type: ignore[no-untyped-call]
        start = ClipFolder(model, tokenizer, Preprocess(image))
        order = replace(order_of(config, size), replay=0.0)
        task = FigureTask(config, start, samples, order, Path(folder), options, Single())
    with nullcontext() if real else fake():
        if not real:
            _move(task, device)
        drawn = 8 + (patches(model) if config.model.patch_dropout else 0)
        batch = Batch(
            torch.zeros(size, 3, image, image, dtype=torch.uint8, device=device),
            torch.zeros(size, context, dtype=torch.int64, device=device),
            torch.zeros(size, drawn, device=device),
        )
        return ExampleStep(task, config.optim, batch, next(batch.parts(config.optim.micro_batch or size)))


def _study_step(config: StudyTrainConfig, device: str, real: bool) -> ExampleStep:
    """Of studies with `MOST_SEQUENCES` described sequences each, none hidden, texts as long as they may be."""
    config = replace(config, data=replace(config.data, drop_sequences=0.0))
    samples = _studies(config)
    units = as_units(samples, config.data.unit, config.loss.normal_text)
    every = shown(units, plan_of(config, units).at(0), config.data, (config.seed, 0))
    tokenizer = train_tokenizer(samples.texts[:8], 300, config.model.text.context)
    options = RunOptions(device=device if real else "meta")
    with torch.device(options.device):
        model = study_model(config.model)
    with tempfile.TemporaryDirectory() as folder:
        task = StudyTask(config, model, tokenizer, samples, Path(folder), options, Single())
    with nullcontext() if real else fake():
        if not real:
            _move(task, device)
            task.device = torch.device(device)
        voxels = torch.zeros(*every.present.shape, *config.model.grid, dtype=torch.uint8, device=device)
        vary(voxels[:1], config.data, np.random.default_rng(0))  # its devices are checked as well
        ids = torch.zeros(len(every.pairs), config.model.text.context, dtype=torch.int64, device=device)
        batch = StudyBatch(every, voxels, ids, 0, every)
        micro = config.optim.micro_batch
        return ExampleStep(task, config.optim, batch, next(batch.parts(micro)) if micro else batch)


def check_device(step: ExampleStep) -> Tensor:
    """Forward pass and loss; a tensor on the wrong device raises. Returns the loss."""
    with fake():
        found = step.task.embed(step.part)
        whole = [torch.zeros(len(step.batch) * len(each) // len(step.part), *each.shape[1:], device=each.device)
                 for each in found]  # fmt: skip
        value: Tensor = step.task.loss(0, step.batch)(*whole)
        return value


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
    elif base in OPENAI:
        sizes = openai_sizes(*OPENAI[base])
    elif (Path(base) / "config.json").is_file():
        sizes = AutoConfig.from_pretrained(base, local_files_only=True)
    else:
        raise BaseUnavailable(base, "its sizes are not known without loading it; give its folder")
    if config.model.context:
        sizes.text_config.max_position_embeddings = config.model.context
    return sizes


# width, layers, patch of the image tower; width of the text tower; width of the shared space
OPENAI = {
    "openai/clip-vit-base-patch32": (768, 12, 32, 512, 512),
    "openai/clip-vit-base-patch16": (768, 12, 16, 512, 512),
    "openai/clip-vit-large-patch14": (1024, 24, 14, 768, 768),
}


def openai_sizes(width: int, layers: int, patch: int, text: int, dim: int) -> CLIPConfig:
    """The configuration of one of `OPENAI`."""

    def tower(size: int, depth: int) -> dict[str, int]:
        return {
            "hidden_size": size, "intermediate_size": 4 * size, "num_hidden_layers": depth,
            "num_attention_heads": size // 64, "projection_dim": dim,
        }  # fmt: skip

    return CLIPConfig(
        text_config=tower(text, 12), vision_config={**tower(width, layers), "patch_size": patch}, projection_dim=dim
    )


def _clip(config: TrainConfig, sizes: CLIPConfig, shallow: bool) -> CLIPModel:
    model = CLIPModel(sizes)
    if config.model.image_base:
        resnet = ResNetModel(ResNetConfig(depths=[1, 1, 1, 1]) if shallow else ResNetConfig())
        return with_resnet(model, resnet, sizes.vision_config.image_size, "frozen")
    return model


def _shallow_study(config: StudyTrainConfig) -> StudyTrainConfig:
    tower = replace(config.model.tower, depths=(1,) * len(config.model.tower.depths), layers=1)
    return replace(config, model=replace(config.model, tower=tower, text=replace(config.model.text, layers=1)))


def _move(task: object, device: str) -> None:
    """Every weight of a task's modules, which are on ``meta``, anew on fake ``device``."""
    for module in [inner for each in vars(task).values() if isinstance(each, nn.Module) for inner in each.modules()]:
        for name, weight in module._parameters.items():
            if weight is not None:
                fresh = torch.empty(weight.shape, dtype=weight.dtype, device=device)
                module._parameters[name] = nn.Parameter(fresh, requires_grad=weight.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=device)


class _Ones(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of its __init_subclass__
    """A number read off a tensor without memory is 1, since there is none."""

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and (isinstance(args[0], FakeTensor) or args[0].is_meta):
            kind = args[0].dtype
            return kind == torch.bool or (1.0 if kind.is_floating_point else 1)
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class _Uniform:
    """Pictures that nobody looks at."""

    count: int
    size: int

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: Indices) -> Tensor:
        return torch.zeros(len(indices), 3, self.size, self.size, dtype=torch.uint8)


def _pair(number: int) -> Pair:
    text = f"Lesion {number} in the {_SITES[number % len(_SITES)]}"
    return Pair(
        pair_id=f"pair_{number}", article_id=f"art_{number}", figure_id=f"fig_{number}", label="Figure 1",
        image=blob_ref("figures", "0" * 64, 1, "image/jpeg"), text=text, page=1,
        record=CaptionRecord(findings=(Finding(term="lesion"),), rendering=text),
    )  # fmt: skip


def _studies(config: StudyTrainConfig) -> StudySamples:
    """As many studies as a batch has units; all voxels are one byte of memory."""
    names = config.model.sequences[:MOST_SEQUENCES]
    count, each = config.optim.batch, len(names)
    descriptions = [
        SequenceDescription(
            sequence=names[s],
            findings=(ReportFinding(term=f"lesion {n}", site=_SITES[n % len(_SITES)], signal="hyperintense"),),
        )
        for n in range(count)
        for s in range(each)
    ]
    present = torch.zeros(count, len(config.model.sequences), dtype=torch.bool)
    present[:, :each] = True
    return StudySamples(
        voxels=torch.zeros(1, dtype=torch.uint8).expand(*present.shape, *config.model.grid),
        present=present,
        owner=torch.arange(count).repeat_interleave(each),
        sequence=torch.arange(each).repeat(count),
        texts=tuple(f"{one.sequence}: hyperintense lesion {n} in the pons." for n, one in enumerate(descriptions)),
        descriptions=tuple(descriptions),
    )
