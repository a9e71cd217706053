"""Where a run starts: a CLIP checkpoint by folder or name, real weights of installed packages, or towers made from
nothing; its image tower may be swapped.

A start is a `ClipFolder` and a description that is part of the model's id: `scratch:<seed>` or the checkpoint's name
with the digest of its weights, so that a changed checkpoint under an old name is another start.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel, ResNetConfig, ResNetModel

from journalclip_modeling.family import context_length, image_size, load_model
from journalclip_modeling.folder import ClipFolder, load_folder, with_end_token
from journalclip_modeling.preprocess import Preprocess, preprocess_of
from journalclip_modeling.resnet import with_resnet
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.starts import packaged
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_training.config import TrainConfig
from journalclip_training.errors import BaseUnavailable, PicturesTooSmall

FROM_NOTHING = "resnet50"
_log = logging.getLogger(__name__)
# What transformers' published ResNets were trained with.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def describe_base(config: TrainConfig) -> str:
    """Part of the model's id; reads a local folder's weights, and nothing from the network."""
    model = config.model
    if model.base == "packages":
        base = f"{packaged.describe()}:{config.seed}"
    else:
        base = f"scratch:{config.seed}" if model.base == "scratch" else described(model.base)
    return f"{base}+{described(model.image_base)}" if model.image_base else base


def described(name: str) -> str:
    """A folder's name with the digest of all its files (weights of every shard, tokenizer, preprocessing); or a hub's
    name as it is."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder).as_posix()} {_digest(path)}" for path in files]
    return f"{folder.name}@{sha256_hex(chr(10).join(lines).encode())[:16]}"


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def load_base(config: TrainConfig, texts: Sequence[str]) -> ClipFolder:
    """The starting point; ``texts`` train the tokenizer of a start from scratch. Raises `BaseUnavailable`."""
    model = config.model
    if model.base == "scratch":
        start = _at_temperature(scratch_clip(texts, model.scratch, config.seed), config)
    elif model.base == "packages":
        start = _at_temperature(packaged.packaged_start(seed=config.seed), config)
    elif Path(model.base).is_dir():
        start = load_folder(Path(model.base))
    else:
        start = _from_hub(model.base)
    if model.image_base:
        start = _with_image_tower(start, model.image_base, config.seed)
    if config.data.fit != "start":
        start = replace(start, preprocess=replace(start.preprocess, fit=config.data.fit))
    return _with_context(start, model.context) if model.context else start


def check_pictures(dataset: DatasetManifest, start: ClipFolder) -> None:
    """Raises `PicturesTooSmall` where the tower would see enlarged pictures."""
    if dataset.image_size < start.preprocess.size:
        raise PicturesTooSmall(dataset.dataset_id, dataset.image_size, start.preprocess.size)


def _at_temperature(start: ClipFolder, config: TrainConfig) -> ClipFolder:
    """A start that has no temperature of its own begins with the loss's."""
    with torch.no_grad():
        start.model.logit_scale.fill_(-torch.log(torch.tensor(config.loss.temperature)))
    return start


def _with_image_tower(start: ClipFolder, name: str, seed: int) -> ClipFolder:
    """A ResNet for the image tower: `resnet50` is one from nothing, anything else a folder or Hugging Face name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = start.preprocess.size
        if name == FROM_NOTHING:
            return replace(start, model=with_resnet(start.model, ResNetModel(ResNetConfig()), size, "group"))
        try:
            resnet = ResNetModel.from_pretrained(name, use_safetensors=True, dtype="float32")
        except (OSError, ValueError, KeyError) as error:
            raise BaseUnavailable(name, str(error)) from error
        model = with_resnet(start.model, resnet, size, "frozen")
    return ClipFolder(model, start.tokenizer, Preprocess(size, IMAGENET_MEAN, IMAGENET_STD))


def _from_hub(name: str) -> ClipFolder:
    """A hub name brings its own mean, deviation, size and fit, as a folder does."""
    try:
        model = load_model(name, local=False)
        tokenizer = AutoTokenizer.from_pretrained(name)
        preprocess = preprocess_of(AutoImageProcessor.from_pretrained(name).to_dict(), image_size(model))
    except (OSError, ValueError, KeyError) as error:
        raise BaseUnavailable(name, str(error)) from error
    return ClipFolder(with_end_token(model, tokenizer), tokenizer, preprocess)


KEPT = 20  # positions that a prompt uses and that a stretch leaves as they are (Long-CLIP, arXiv 2403.15378)
_SPREAD = 4  # new positions for one old one beyond them


def stretched(old: Tensor, context: int) -> Tensor:
    """Positions [context, W] from old [n, W]: the first 20 as they are, so that short texts keep their very vectors.

    Beyond them each old step becomes four (linear between neighbours, extrapolated at the end), as Long-CLIP has it:
    77 positions become 248. Where that is not enough the steps are stretched further; where it is too much, cut.
    """
    if len(old) <= KEPT:
        raise ValueError(f"{len(old)} positions are too few to stretch")
    spread = max(_SPREAD, (context - KEPT) / (len(old) - KEPT))
    places = KEPT + torch.arange(context - KEPT, dtype=torch.float64) / spread
    below = places.floor().long().clamp(max=len(old) - 2)
    share = (places - below)[:, None].to(old.dtype)
    return torch.cat([old[:KEPT], old[below] + share * (old[below + 1] - old[below])])


def _with_context(start: ClipFolder, context: int) -> ClipFolder:
    """The text tower's positions stretched to ``context``; a tower of another family keeps its own."""
    if not isinstance(start.model, CLIPModel):
        own = context_length(start.model)
        _log.log(
            logging.WARNING if own < context else logging.INFO,
            "only CLIP's text towers are stretched (model.context=%d); this one sees its own %d tokens", context, own,
        )  # fmt: skip
        return start
    embeddings = start.model.text_model.embeddings
    old = embeddings.position_embedding.weight.detach()
    new = old[:context] if context <= len(old) else stretched(old, context)
    embeddings.position_embedding = torch.nn.Embedding(context, new.shape[1], _weight=new.contiguous().clone())
    embeddings.register_buffer("position_ids", torch.arange(context)[None], persistent=False)
    start.model.config.text_config.max_position_embeddings = context
    start.tokenizer.model_max_length = context
    return start
