"""One training run as one frozen value: everything that can change its result, and nothing that cannot.

Each component owns its part (data, model, loss, optimiser, forgetting control). Equal configurations have equal
digests, and the digest is part of the model's id. How a run is carried out (device, threads, how often it saves) is
`RunOptions`: it changes the time a run takes, not what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.ids import Json, canonical_json, sha256_hex
from journalclip_training.errors import SettingInvalid

LossKind = Literal["clip", "soft", "siglip", "multi_positive", "medclip", "sat", "selip"]
Syntax = Literal["edit", "bleu", "dice", "fields", "clauses", "evidence"]
Schedule = Literal["cosine", "polynomial"]
Precision = Literal["float32", "bf16", "fp16"]
Trainable = Literal["all", "attention", "lora", "projections"]


@dataclass(frozen=True)
class DataConfig:
    """Which text is learnt from, and how pictures are varied."""

    # mixed: the record's sentence every other epoch; views: one whole caption in four epochs, else sentences of it
    text: Literal["caption", "record", "mixed", "views", "views_and_mentions"] = "caption"
    min_pairs: int = 16
    # How pictures become squares: a figure whole, panels and labels included, or as the start was trained.
    fit: Literal["letterbox", "crop", "squash", "start"] = "letterbox"
    augment: float = 0.0  # 0 to 1: strength of crops, shifts and contrast; never a flip, since sides carry meaning


@dataclass(frozen=True)
class ModelConfig:
    """Where the towers come from and which of their weights move."""

    base: str = "scratch"  # a CLIP folder, a Hugging Face name, `packages` (real weights of installed ones), `scratch`
    scratch: ScratchConfig = field(default_factory=ScratchConfig)
    image_base: str = ""  # a ResNet in place of the image tower: a folder, a Hugging Face name, or `resnet50` untrained
    context: int = 0  # text positions of a CLIP start, stretched; 0 keeps the checkpoint's, as other families do
    trainable: Trainable = "all"
    lora_rank: int = 8
    patch_dropout: float = 0.0
    activation_checkpointing: bool = False
    precision: Precision = "float32"  # what the towers compute in; fp16 scales the loss, so that small gradients last


@dataclass(frozen=True)
class LossConfig:
    """The objective; the names follow the SeLIP equations (docs/architecture/losses.md)."""

    kind: LossKind = "clip"
    lam: float = 0.2  # weight of the softened target
    alpha: float = 0.5  # weight of syntax against semantics
    tau_s: float = 0.1  # temperature of the similarity's softmax
    syntax: Syntax = "fields"
    semantic: str = "hashing"  # a sentence encoder's folder, `minilm`, or `hashing`
    sat_positive: float = 0.9  # above: the texts say the same
    sat_neutral: float = 0.6  # between: neither pulled nor pushed
    temperature: float = 0.07  # at the start, where the base is scratch
    max_scale: float = 100.0  # CLIP's own cap on 1 / temperature
    learn_scale: bool = True  # False: the temperature stays where it starts
    normal_text: str = ""  # kinds `selip` and `clauses`: the one text of normal examinations, like no other text


@dataclass(frozen=True)
class OptimConfig:
    """AdamW (Adam, where nothing is decayed) under a warmed-up cosine or polynomial."""

    lr: float = 5e-4
    text_lr: float = 0.0  # of the text tower's own rate; 0: the same as ``lr``
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-8
    epochs: float = 10.0
    steps: int = 0  # in place of epochs; 0: epochs count
    batch: int = 128  # all ranks together: what the loss contrasts
    micro_batch: int = 0  # pairs a forward pass holds; 0 means the whole batch, less means cached representations
    warmup: float = 0.05  # share of all steps
    schedule: Schedule = "cosine"
    power: float = 0.9  # polynomial: lr (1 - e / stairs)^power
    stairs: int = 100  # polynomial: stretches of equal rate after the warm-up
    final_lr: float = 0.0  # share of lr at the end
    clip: float = 1.0  # gradient norm; 0 means off
    layer_decay: float = 1.0  # factor on lr for each layer further from the output
    ema: float = 0.0  # decay of the averaged weights that are saved; 0 means off
    validations: int = 0  # evenly over the run, on a fixed part of the validation split: the best weights are kept
    patience: int = 0  # validations in a row without a better score that end the run; 0: it goes on to its last step


@dataclass(frozen=True)
class ForgettingConfig:
    """What keeps general ability; the sweep itself costs no training."""

    alphas: tuple[float, ...] = ()  # weight interpolation points to evaluate, e.g. (0, 0.25, 0.5, 0.75, 1)
    cap: float = 0.01  # the chosen point may lose at most this much of the general score
    distil: float = 0.0  # weight of the feature distillation against the starting model
    replay: float = 0.0  # share of each batch that is drawn from general pairs
    replay_dataset: str = ""  # the frozen dataset that holds them


@dataclass(frozen=True)
class TrainConfig:
    """A recipe's result: the whole run."""

    recipe: str
    seed: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    forgetting: ForgettingConfig = field(default_factory=ForgettingConfig)

    def canonical(self) -> bytes:
        return canonical_json(cast(Json, asdict(self)))

    @property
    def digest(self) -> str:
        return sha256_hex(self.canonical())


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out; no part of what it computes."""

    device: str = "cpu"
    compile: bool = False
    checkpoint_every: int = 25  # steps; a kill loses at most these
    decode_threads: int = 2
    cache_bytes: int = 1 << 30  # decoded pictures up to this stay in memory


class RunConfig(Protocol):
    """What every kind's configuration has: one frozen value, whose digest is part of the model's id."""

    @property
    def recipe(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def canonical(self) -> bytes: ...


ConfigT = TypeVar("ConfigT", bound=RunConfig)


def config_from_json(data: bytes | str, kind: type[ConfigT]) -> ConfigT:
    """Inverse of `RunConfig.canonical`."""
    return TypeAdapter(kind).validate_json(data)


def tree_of(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested plain values."""
    return asdict(cast(Any, config))


def with_overrides(config: ConfigT, overrides: Iterable[str]) -> ConfigT:
    """``key=value`` pairs (``optim.lr=1e-4``) applied in order. Raises `SettingInvalid`."""
    adapter, tree = TypeAdapter(type(config)), tree_of(config)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise SettingInvalid(override, "not of the form key=value")
        assign(tree, key.split("."), value, override)
        try:
            adapter.validate_python(tree)
        except ValidationError as error:
            raise SettingInvalid(override, error.errors()[0]["msg"]) from error
    return adapter.validate_python(tree)


def assign(tree: dict[str, Any], path: list[str], value: str, assignment: str) -> None:
    """Put ``value`` at ``path`` of a configuration's tree. Raises `SettingInvalid`."""
    *parents, leaf = path
    for name in parents:
        inner = tree.get(name)
        if not isinstance(inner, dict):
            raise SettingInvalid(assignment, f"no part {name!r}; parts: {', '.join(tree)}")
        tree = inner
    if leaf not in tree:
        raise SettingInvalid(assignment, f"no key {leaf!r}; keys: {', '.join(tree)}")
    if isinstance(tree[leaf], dict):
        raise SettingInvalid(assignment, f"{leaf!r} is a part; its keys: {', '.join(tree[leaf])}")
    tree[leaf] = value.split(",") if isinstance(tree[leaf], tuple) else value
