"""The kinds of source, each read into one of our families with what it needs to be checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import PreTrainedModel, VisionTextDualEncoderModel

from journalclip_modeling.family import FAMILIES, complain, image_size
from journalclip_modeling.folder import ClipFolder, with_end_token
from journalclip_modeling.preprocess import Preprocess, read_preprocess
from journalclip_modeling.starts.convert import converted, load, one_table
from journalclip_modeling.starts.errors import StartUnusable
from journalclip_modeling.starts.sizes import HEAD, Described, from_config, from_shapes
from journalclip_modeling.starts.tokenizers import tokenizer_of
from journalclip_modeling.starts.weights import Weights, read_file, read_folder
from journalclip_modeling.two_tower import TwoTower, TwoTowerConfig

# Float pixels [N, 3, S, S] and tokens [N, L] to features of both, as the source's own library computes them.
Reference = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_DUAL = "vision-text-dual-encoder"
_RESAMPLE = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
_FITS = {"shortest": "crop", "longest": "letterbox", "squash": "squash"}


@dataclass(frozen=True)
class Read:
    """A source in our words; ``reference`` is None where the library that it was made with is not installed."""

    loaded: ClipFolder
    kind: str
    reference: Reference | None


def read_source(path: Path, quick_gelu: bool | None, tokenizer: Path | None) -> Read:
    """``quick_gelu`` is asked for where a bare weight file cannot say. Raises `StartUnusable`."""
    if path.is_file():
        return _open_clip_file(path, quick_gelu, tokenizer)
    if (path / "open_clip_config.json").is_file():
        weights, described = read_folder(path), from_config(json.loads((path / "open_clip_config.json").read_text()))
        return _open_clip(path, weights, described, tokenizer)
    if not (path / "config.json").is_file():
        raise StartUnusable(str(path), "neither config.json nor open_clip_config.json is there")
    kind = json.loads((path / "config.json").read_text()).get("model_type", "nothing")
    if kind != _DUAL and kind not in FAMILIES:
        known = ", ".join(sorted([*FAMILIES, _DUAL]))
        raise StartUnusable(str(path), f"its model type is {kind!r}; known: {known}")
    return _transformers(path, kind, tokenizer)


def _transformers(path: Path, kind: str, tokenizer: Path | None) -> Read:
    loader = VisionTextDualEncoderModel if kind == _DUAL else FAMILIES[kind]
    try:
        source, report = loader.from_pretrained(
            path, local_files_only=True, dtype="float32", output_loading_info=True, ignore_mismatched_sizes=True
        )
        complain(report)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise StartUnusable(str(path), str(error)) from error
    source.eval()
    model = _dual(source, str(path)) if kind == _DUAL else source
    words = _vocabulary(model)
    context = _context(model)
    found = tokenizer_of(path, tokenizer, words, context)
    loaded = ClipFolder(with_end_token(model, found), found, read_preprocess(path, image_size(model)))

    def reference(pixels: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        mask = {"attention_mask": ids != _pad(source)} if kind == _DUAL else {}
        text = source.get_text_features(input_ids=ids, **mask)
        return source.get_image_features(pixel_values=pixels).pooler_output, text.pooler_output

    return Read(loaded, kind, reference)


def _dual(source: PreTrainedModel, name: str) -> PreTrainedModel:
    """`VisionTextDualEncoderModel` pools both encoders by their own poolers and projects without a bias."""
    vision, text = source.config.vision_config, source.config.text_config
    config = TwoTowerConfig(
        image={"config": _stored(vision), "pooling": "pooler"}, text={"config": _stored(text), "pooling": "pooler"},
        image_projection={"kind": "linear"}, text_projection={"kind": "linear"},
        projection_dim=source.config.projection_dim, image_size=int(vision.image_size),
        context=int(text.max_position_embeddings),
    )  # fmt: skip
    model = TwoTower(config)
    weights = {
        re.sub(r"^(vision_model|text_model)\.", r"\1.net.", key): each for key, each in source.state_dict().items()
    }
    load(model, weights, name)
    return model.eval()


def _open_clip_file(path: Path, quick_gelu: bool | None, tokenizer: Path | None) -> Read:
    weights, scripted = read_file(path)
    beside = path.with_name("open_clip_config.json")
    if beside.is_file():
        return _open_clip(path.parent, weights, from_config(json.loads(beside.read_text())), tokenizer)
    if quick_gelu is None and not scripted:
        raise StartUnusable(
            str(path), "a bare weight file does not say which activation it was trained with",
            "Say --quick-gelu (OpenAI's and its descendants) or --gelu, or put its open_clip_config.json beside it.",
        )  # fmt: skip
    described = from_shapes(weights, quick_gelu if quick_gelu is not None else True, str(path))
    return _open_clip(path.parent, weights, described, tokenizer)


def _open_clip(folder: Path, weights: Weights, described: Described, tokenizer: Path | None) -> Read:
    weights = one_table(weights)
    encoder = _encoder_config(folder, weights) if _foreign_text(weights, described) else None
    model = converted(weights, described, encoder, str(folder))
    found = tokenizer_of(folder, tokenizer, _vocabulary(model), _context(model))
    given, plain = described.preprocess, Preprocess(described.image_size)
    preprocess = Preprocess(
        described.image_size,
        tuple(given.get("mean") or plain.mean), tuple(given.get("std") or plain.std),
        _FITS.get(given.get("resize_mode", "shortest"), "crop"),  # type: ignore[arg-type]  # one of the three words
        int(_RESAMPLE.get(given.get("interpolation", "bicubic"), Image.Resampling.BICUBIC)),
    )  # fmt: skip
    # An end token of another number than the tokenizer's would be looked for in vain.
    loaded = ClipFolder(with_end_token(model, found), found, preprocess)
    return Read(loaded, f"open_clip ({model.config.model_type})", open_clip_reference(weights, described, encoder))


def open_clip_reference(weights: Weights, described: Described, encoder: dict[str, Any] | None) -> Reference | None:
    """open_clip's own model of the weights, where open_clip is installed."""
    try:
        from open_clip.hf_model import HFTextEncoder
        from open_clip.model import CLIP, CustomTextCLIP
    except ImportError:
        return None
    from transformers import AutoConfig

    text = {key: each for key, each in described.text.items() if not key.startswith("hf_model")}
    custom = encoder is not None or bool(text.get("no_causal_mask")) or any(key.startswith("text.") for key in weights)
    if encoder is not None:  # a small text tower that is replaced by the real one below
        text = {"context_length": 8, "vocab_size": 8, "width": 64, "heads": 1, "layers": 1}
    bias = {"init_logit_bias": 0.0} if "logit_bias" in weights else {}
    built = CustomTextCLIP if custom else CLIP
    model = built(described.dim, dict(described.vision), text, quick_gelu=described.quick_gelu, **bias)
    if encoder is not None:
        model.text = HFTextEncoder(
            "", described.dim, AutoConfig.for_model(**encoder),
            described.text.get("hf_pooler_type", "mean_pooler"), described.text.get("hf_proj_type", "mlp"),
        )  # fmt: skip
    model.load_state_dict(weights, strict=False)
    model.eval()
    return lambda pixels, ids: (model.encode_image(pixels), model.encode_text(ids))


def _foreign_text(weights: Weights, described: Described) -> bool:
    return bool(described.text.get("hf_model_name")) or any(".embeddings.word_embeddings." in key for key in weights)


def _encoder_config(folder: Path, weights: Weights) -> dict[str, Any]:
    """A text encoder's configuration: the folder's own, or a BERT's from its tensors' shapes."""
    own = folder / "config.json"
    if own.is_file() and "model_type" in (found := json.loads(own.read_text())):
        return {key: each for key, each in found.items() if key not in ("architectures", "transformers_version")}
    text = {re.sub(r"^(text|text_encoder)\.transformer\.", "", key): each for key, each in weights.items()}
    words = text.get("embeddings.word_embeddings.weight")
    layers = [int(match[1]) for key in text if (match := re.match(r"encoder\.layer\.(\d+)\.", key))]
    if words is None or not layers or "embeddings.token_type_embeddings.weight" not in text:
        raise StartUnusable(
            str(folder), "its text encoder is no BERT, and no config.json says what it is",
            "Put the text encoder's own config.json into the folder.",
        )  # fmt: skip
    return {
        "model_type": "bert", "vocab_size": len(words), "hidden_size": words.shape[1],
        "num_hidden_layers": max(layers) + 1,
        "num_attention_heads": max(1, words.shape[1] // HEAD),
        "intermediate_size": len(text["encoder.layer.0.intermediate.dense.weight"]),
        "max_position_embeddings": len(text["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(text["embeddings.token_type_embeddings.weight"]), "pad_token_id": 0,
    }  # fmt: skip


def _stored(config: Any) -> dict[str, Any]:
    kept = {key: each for key, each in config.to_dict().items() if key not in ("architectures", "transformers_version")}
    return {**kept, "model_type": config.model_type}


def _pad(model: PreTrainedModel) -> int:
    return int(getattr(model.config, "text_config", model.config).pad_token_id or 0)


def _vocabulary(model: PreTrainedModel) -> int:
    if isinstance(model, TwoTower):
        return int(model.text_model.net.get_input_embeddings().weight.shape[0])
    return int(model.config.text_config.vocab_size)


def _context(model: PreTrainedModel) -> int:
    return int(
        model.config.context if isinstance(model, TwoTower) else model.config.text_config.max_position_embeddings
    )


def pixels_and_texts(loaded: ClipFolder, texts: list[str], length: int) -> tuple[Tensor, Tensor]:
    """What both sides of a check are given: noise of the tower's size, and the texts' tokens at full length."""
    generator = torch.Generator().manual_seed(0)
    size = image_size(loaded.model)
    pixels = torch.randn(len(texts), 3, size, size, generator=generator)
    found = loaded.tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    return pixels, found["input_ids"]
