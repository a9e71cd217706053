"""Where a study model starts: random weights, a text encoder that knows its language, an image tower that has seen.

An image tower is a study model's own (of slices, or a 3-D one), any backbone of transformers, or a folder of timm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoBackbone, AutoConfig, AutoModel, AutoTokenizer

from journalclip_modeling.starts.weights import read_folder
from journalclip_modeling.studies.config import SliceTowerConfig, StudyModelConfig
from journalclip_modeling.studies.folder import StudyFolder, is_study_folder, load_study_folder, scratch_study_model
from journalclip_modeling.studies.model import study_model
from journalclip_modeling.studies.text import EncoderTower
from journalclip_modeling.studies.towers import BackboneTower, feature_network
from journalclip_shared.errors import PermanentError
from journalclip_training.base import described
from journalclip_training.errors import BaseUnavailable
from journalclip_training.studies.config import StudyTrainConfig

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of a backbone's folder that does not say: ImageNet's
Weights = dict[str, Tensor]


def describe_study_base(config: StudyTrainConfig) -> str:
    """Part of the model's id; reads local folders' files, and nothing from the network."""
    texts = [described(config.text_base)] if config.text_base else []
    images = [f"image:{described(config.image_base)}"] if config.image_base else []
    return "+".join([f"scratch:{config.seed}", *texts, *images])


def load_study_base(config: StudyTrainConfig, texts: Sequence[str]) -> StudyFolder:
    """``texts`` train the tokenizer of a start without a text encoder. Raises `BaseUnavailable`."""
    if not config.image_base:
        return _with_texts(config, texts)
    tower, weights = _image_tower(config.image_base)
    hidden = tower.widths[-1] if tower.kind == "volume" else config.model.hidden
    start = _with_texts(replace(config, model=replace(config.model, tower=tower, hidden=hidden)), texts)
    own = {name: each for name, each in start.model.state_dict().items() if name.startswith(_IMAGE)}
    different = [name for name in {**own, **weights} if name not in own or name not in weights]
    different += [name for name in own.keys() & weights.keys() if own[name].shape != weights[name].shape]
    if different:
        raise BaseUnavailable(config.image_base, f"its image tower is another one: {', '.join(sorted(different)[:3])}")
    start.model.load_state_dict(weights, strict=False)
    return start


_IMAGE = ("tower.", "volume.")  # what the image tower's parameters are called; all other ones start anew


def _image_tower(name: str) -> tuple[SliceTowerConfig, Weights]:
    """The tower's configuration, and its weights by their names in a study model."""
    if is_study_folder(Path(name)):
        model = load_study_folder(Path(name)).model
        return model.config.tower, {key: each for key, each in model.state_dict().items() if key.startswith(_IMAGE)}
    here = Path(name).is_dir()
    if (Path(name) / "config.json").is_file() and "architecture" in (said := _json(Path(name) / "config.json")):
        return _timm_tower(Path(name), said)
    try:
        config = AutoConfig.from_pretrained(name, local_files_only=here)
        with torch.device("meta"):
            kind = type(AutoBackbone.from_config(config))
        net, report = kind.from_pretrained(
            name, local_files_only=here, use_safetensors=True, dtype="float32", output_loading_info=True,
            out_features=config.stage_names[-BackboneTower.LEVELS :],
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise BaseUnavailable(name, str(error)) from error
    # Norms of the maps that are given out are the backbone's own addition: no network was trained with them.
    missing = [each for each in report["missing_keys"] if not each.startswith("hidden_states_norms.")]
    if missing:
        raise BaseUnavailable(name, f"its weights lack {', '.join(sorted(missing)[:3])}")
    stored = {**net.config.to_diff_dict(), "model_type": net.config.model_type}
    seen = _normalisation(Path(name) / "preprocessor_config.json")
    return _backbone({"config": stored, **seen}, net.state_dict())


def _timm_tower(folder: Path, said: dict[str, Any]) -> tuple[SliceTowerConfig, Weights]:
    """Of a folder as timm writes it; the classifier is left out."""
    about = said.get("pretrained_cfg", {})
    arguments = dict(said.get("model_args", {}))
    if about.get("fixed_input_size"):
        arguments["dynamic_img_size"] = True  # places are interpolated to the grid's
    described = {"timm": said["architecture"], "arguments": arguments}
    try:
        net = feature_network(described, BackboneTower.LEVELS)
        stored = {_plain(key): each for key, each in read_folder(folder).items()}
    except (RuntimeError, TypeError, PermanentError) as error:
        raise BaseUnavailable(str(folder), str(error)) from error
    own, given = net.state_dict(), Weights()
    for key, each in own.items():
        # How many batches statistics are of is not always written, and nothing reads it here.
        found = stored.get(_plain(key), each if key.endswith("num_batches_tracked") else None)
        if found is None or found.shape != each.shape:
            raise BaseUnavailable(str(folder), f"its weights lack {key}")
        given[key] = found
    colours = {"mean": about.get("mean", _MEAN), "std": about.get("std", _STD)}
    return _backbone({**described, **colours}, given)


def _backbone(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[SliceTowerConfig, Weights]:
    """As `_image_tower`, of a network as `BackboneTower` describes it."""
    tower = SliceTowerConfig(kind="backbone", backbone=json.dumps(described, sort_keys=True))
    return tower, {f"tower.net.{key}": each for key, each in weights.items()}


def _plain(name: str) -> str:
    """A parameter's name without what timm changes where a network gives out its maps: "stages.0" is "stages_0"."""
    return name.removeprefix("model.").replace(".", "_")


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())
    return found if isinstance(found, dict) else {}


def _normalisation(path: Path) -> dict[str, Sequence[float]]:
    said = _json(path) if path.is_file() else {}
    return {"mean": said.get("image_mean", _MEAN), "std": said.get("image_std", _STD)}


def _with_texts(config: StudyTrainConfig, texts: Sequence[str]) -> StudyFolder:
    if not config.text_base:
        return scratch_study_model(texts, config.model, config.seed)
    name, here = config.text_base, Path(config.text_base).is_dir()
    try:
        encoder, report = AutoModel.from_pretrained(
            name, local_files_only=here, use_safetensors=True, dtype="float32", output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=here)
    except (OSError, ValueError, KeyError) as error:
        raise BaseUnavailable(name, str(error)) from error
    missing = [each for each in report["missing_keys"] if not each.startswith("pooler.")]  # the pooler is not read
    if missing:
        raise BaseUnavailable(name, f"its weights lack {', '.join(sorted(missing)[:3])}")
    stored = {**encoder.config.to_diff_dict(), "model_type": encoder.config.model_type}
    model = study_model(_with_encoder(config.model, stored, encoder.config.max_position_embeddings, config.seed))
    weights = {key: each for key, each in encoder.state_dict().items() if not key.startswith("pooler.")}
    assert isinstance(model.text, EncoderTower)
    model.text.encoder.load_state_dict(weights)
    return StudyFolder(model, tokenizer)


def _with_encoder(config: StudyModelConfig, stored: dict[str, object], longest: int, seed: int) -> StudyModelConfig:
    torch.manual_seed(seed)
    text = replace(
        config.text,
        kind="encoder",
        encoder=json.dumps(stored, sort_keys=True),
        context=min(config.text.context, longest),
    )
    return replace(config, text=text)
