"""Where a study model starts: random weights, or a text encoder that knows its language beside random image towers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from journalclip_modeling.studies.config import StudyModelConfig
from journalclip_modeling.studies.folder import StudyFolder, scratch_study_model
from journalclip_modeling.studies.model import study_model
from journalclip_training.base import described
from journalclip_training.errors import BaseUnavailable
from journalclip_training.studies.config import StudyTrainConfig


def describe_study_base(config: StudyTrainConfig) -> str:
    """Part of the model's id; reads a local folder's files, and nothing from the network."""
    scratch = f"scratch:{config.seed}"
    return f"{scratch}+{described(config.text_base)}" if config.text_base else scratch


def load_study_base(config: StudyTrainConfig, texts: Sequence[str]) -> StudyFolder:
    """``texts`` train the tokenizer of a start without a text encoder. Raises `BaseUnavailable`."""
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
