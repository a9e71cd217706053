"""Two encoders that never met, as one start: each keeps its weights, the projections between them are new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess, preprocess_of, read_preprocess
from journalclip_modeling.starts.convert import load
from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.weights import read_folder
from journalclip_modeling.two_tower import TwoTower, TwoTowerConfig

_MOST_TOKENS = 512


def join(image: Path, text: Path, dim: int, seed: int) -> ClipFolder:
    """``image``: a folder of transformers or of timm (``architecture`` in its config.json); ``text``: of transformers.

    Text vectors are means over tokens, as sentence encoders are trained. Raises `StartUnusable`.
    """
    image_config, image_weights, preprocess = _image(image)
    config = _config(text)
    text_weights = {key: each for key, each in _encoder(text).items() if not key.startswith("pooler.")}
    stored = {**config.to_diff_dict(), "model_type": config.model_type}
    context = min(int(getattr(config, "max_position_embeddings", _MOST_TOKENS)), _MOST_TOKENS)
    joined = TwoTowerConfig(
        image=image_config, text={"config": stored, "pooling": "mean"}, projection_dim=dim,
        image_size=preprocess.size, context=context,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TwoTower(joined)
    load(model.vision_model.net, image_weights, str(image))
    load(model.text_model.net, text_weights, str(text))
    tokenizer = AutoTokenizer.from_pretrained(text, local_files_only=True)
    tokenizer.model_max_length = context
    return ClipFolder(model.eval(), tokenizer, preprocess)


def _image(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor], Preprocess]:
    if not (folder / "config.json").is_file():
        raise StartUnusable(str(folder), "no config.json")
    stored = json.loads((folder / "config.json").read_text())
    if "architecture" not in stored:
        config = _config(folder)
        weights, pooling = _encoder(folder), "cls" if config.model_type in ("vit", "dinov2", "deit") else "mean"
        size = int(getattr(config, "image_size", 224))
        vision = {**config.to_diff_dict(), "model_type": config.model_type}
        if pooling == "cls":
            # ViTModel has a pooler that published weights often lack and that nothing here reads.
            weights = {key: each for key, each in weights.items() if not key.startswith("pooler.")}
        return {"config": vision, "pooling": pooling}, weights, read_preprocess(folder, size)
    import timm

    given = stored.get("pretrained_cfg", {})
    arguments = {**stored.get("model_args", {}), "num_classes": 0}
    net = timm.create_model(stored["architecture"], pretrained=False, **arguments)
    names = net.state_dict().keys()
    weights = {key: each for key, each in read_folder(folder).items() if key in names or not _classifier(key, given)}
    size = int(given.get("input_size", [3, 224, 224])[-1])
    preprocess = preprocess_of(
        {"image_mean": given.get("mean"), "image_std": given.get("std"), "do_center_crop": True}, size
    )
    return {"timm": stored["architecture"], "arguments": arguments}, weights, preprocess


def _classifier(key: str, given: dict[str, Any]) -> bool:
    """Whether a tensor belongs to the head that is left out."""
    heads = given.get("classifier") or ("classifier", "head", "fc")
    return any(key.startswith(f"{head}.") for head in ([heads] if isinstance(heads, str) else heads))


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise StartUnusable(str(folder), str(error)) from error


def _encoder(folder: Path) -> dict[str, torch.Tensor]:
    """An encoder's weights by the names of the transformers that runs, which translates older ones."""
    try:
        model, report = AutoModel.from_pretrained(
            folder, local_files_only=True, dtype="float32", output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise StartUnusable(str(folder), str(error)) from error
    if missing := sorted(key for key in report["missing_keys"] if not key.startswith("pooler.")):
        raise StartUnusable(str(folder), f"missing weights: {', '.join(missing[:3])}")
    weights: dict[str, torch.Tensor] = model.state_dict()
    return weights
