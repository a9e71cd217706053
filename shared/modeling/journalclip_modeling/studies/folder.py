"""A study model as a folder: ``config.json``, ``model.safetensors`` and the tokenizer's files; loads with no network.

It moves through the artifact store as a CLIP folder does (`journalclip_modeling.folder`): fetched by digest, verified
file by file, and nothing in it is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from journalclip_modeling.folder import ModelUnloadable
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.model import StudyModel, study_model

_KIND = "journalclip-study"
_CONFIG = TypeAdapter(StudyModelConfig)


@dataclass(frozen=True)
class StudyFolder:
    """What a folder holds once loaded."""

    model: StudyModel
    tokenizer: PreTrainedTokenizerBase


def scratch_study_model(texts: Sequence[str], config: StudyModelConfig, seed: int) -> StudyFolder:
    """Random weights and a tokenizer of the texts; the same arguments give the same model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = study_model(config)
    return StudyFolder(model, train_tokenizer(texts, config.text.vocabulary, config.text.context))


def save_study_folder(loaded: StudyFolder, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": _KIND, "study": asdict(loaded.model.config)}
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True))
    save_file(
        {name: each.contiguous() for name, each in loaded.model.state_dict().items()}, folder / "model.safetensors"
    )
    loaded.tokenizer.save_pretrained(folder)


def is_study_folder(folder: Path) -> bool:
    """Does ``config.json`` say so?"""
    path = folder / "config.json"
    return path.is_file() and json.loads(path.read_text()).get("model_type") == _KIND


def load_study_folder(folder: Path) -> StudyFolder:
    """Float32, in evaluation mode. Raises `ModelUnloadable`."""
    try:
        config = json.loads((folder / "config.json").read_text())
        if config.get("model_type") != _KIND:
            raise ModelUnloadable(folder, f"its config.json is no {_KIND} model's")
        model = study_model(_CONFIG.validate_python(config["study"]))
        model.load_state_dict(load_file(folder / "model.safetensors"))
        # The folder's own class is PreTrainedTokenizerFast; the config's model type is none that transformers knows.
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, ValidationError) as error:
        raise ModelUnloadable(folder, str(error)[:300]) from error
    return StudyFolder(model.eval(), tokenizer)
