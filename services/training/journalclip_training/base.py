"""Where a run starts: a CLIP checkpoint by folder or name, or towers made from nothing; its image tower may be swapped.

A start is a `ClipFolder` and a description that is part of the model's id: `scratch:<seed>` or the checkpoint's name
with the digest of its weights, so that a changed checkpoint under an old name is another start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, CLIPModel, ResNetConfig, ResNetModel

from journalclip_modeling.folder import ClipFolder, load_folder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import with_resnet
from journalclip_modeling.scratch import scratch_clip
from journalclip_shared.ids import sha256_hex
from journalclip_training.config import TrainConfig
from journalclip_training.errors import BaseUnavailable

FROM_NOTHING = "resnet50"
# What transformers' published ResNets were trained with.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def describe_base(config: TrainConfig) -> str:
    """Part of the model's id; reads a local folder's weights, and nothing from the network."""
    model = config.model
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
        start = scratch_clip(texts, model.scratch, config.seed)
        with torch.no_grad():
            start.model.logit_scale.fill_(-torch.log(torch.tensor(config.loss.temperature)))
    elif Path(model.base).is_dir():
        start = load_folder(Path(model.base))
    else:
        start = _from_hub(model.base)
    if model.image_base:
        start = _with_image_tower(start, model.image_base, config.seed)
    return _with_context(start, model.context) if model.context else start


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
    try:
        model = CLIPModel.from_pretrained(name, use_safetensors=True, dtype="float32")
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise BaseUnavailable(name, str(error)) from error
    return ClipFolder(model, tokenizer, Preprocess(int(model.config.vision_config.image_size)))


def _with_context(start: ClipFolder, context: int) -> ClipFolder:
    """The text tower's positions stretched to ``context`` by linear interpolation."""
    embeddings = start.model.text_model.embeddings
    old = embeddings.position_embedding.weight.detach()
    stretched = torch.nn.functional.interpolate(old.T[None], size=context, mode="linear", align_corners=True)[0].T
    embeddings.position_embedding = torch.nn.Embedding(context, stretched.shape[1], _weight=stretched.contiguous())
    embeddings.register_buffer("position_ids", torch.arange(context)[None], persistent=False)
    start.model.config.text_config.max_position_embeddings = context
    start.tokenizer.model_max_length = context
    return start
