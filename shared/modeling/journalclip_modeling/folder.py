"""A model as a folder of files: loading it, and moving it in and out of the artifact store.

Only safetensors weights are read; nothing is unpickled. A folder fetched by its manifest is verified file by file
before anyone loads it, and a file that the manifest does not list is refused.
"""

from __future__ import annotations

import mimetypes
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from journalclip_modeling.family import image_size, load_model
from journalclip_modeling.preprocess import Preprocess, read_preprocess, write_preprocess
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.model import ModelFile

# Loading takes under a second; its bar would break into ours.
transformers_logging.disable_progress_bar()

_OLD_END = 2


class ModelUnloadable(PermanentError):
    """The folder is not a CLIP model that can be loaded offline."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__("model-unloadable", f"{folder}: {reason}", "Give a folder written by save_pretrained.")


class ModelTampered(PermanentError):
    """The folder's files are not the manifest's files."""

    def __init__(self, reason: str) -> None:
        super().__init__("model-tampered", reason, "Delete the folder and fetch the model again.")


@dataclass(frozen=True)
class ClipFolder:
    """What a folder holds once loaded; ``model`` is of one of the families of `journalclip_modeling.family`."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    preprocess: Preprocess


def load_folder(folder: Path) -> ClipFolder:
    """Load offline, float32. Raises `ModelUnloadable`."""
    if not (folder / "config.json").is_file():
        raise ModelUnloadable(folder, "no config.json")
    try:
        model = load_model(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnloadable(folder, str(error)) from error
    return ClipFolder(with_end_token(model, tokenizer), tokenizer, read_preprocess(folder, image_size(model)))


def save_folder(loaded: ClipFolder, folder: Path) -> None:
    """Write a folder that `load_folder` and ``CLIPModel.from_pretrained`` both read."""
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    write_preprocess(loaded.preprocess, folder)


def upload_folder(store: ArtifactStore, folder: Path) -> tuple[ModelFile, ...]:
    """Put every file of the folder into the ``models`` bucket; sorted by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(
        ModelFile(
            path=path.relative_to(folder).as_posix(),
            ref=store.put_file("models", path, mimetypes.guess_type(path.name)[0] or "application/octet-stream"),
        )
        for path in files
    )


def fetch_folder(store: ArtifactStore, files: Sequence[ModelFile], cache: Path) -> Path:
    """The files as a folder below ``cache``, verified; fetched once, verified again each time.

    Raises `ModelTampered` where a cached folder differs from the manifest, `ArtifactMissing` and `ArtifactCorrupt`.
    """
    name = sha256_hex("\n".join(f"{file.path} {file.ref.sha256}" for file in files).encode())[:32]
    target = cache / name
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as parent:
            fresh = Path(parent) / name
            for file in files:
                store.fetch(file.ref, fresh / file.path)
            _rename_once(fresh, target)
    verify_folder(target, files)
    return target


def verify_folder(folder: Path, files: Sequence[ModelFile]) -> None:
    """Raises `ModelTampered` where a file is missing, changed or extra."""
    expected = {file.path: file.ref.sha256 for file in files}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if wrong := sorted(found ^ expected.keys()):
        raise ModelTampered(f"{wrong[0]} is {'missing' if wrong[0] in expected else 'not in the manifest'}")
    for path, digest in expected.items():
        if sha256_hex((folder / path).read_bytes()) != digest:
            raise ModelTampered(f"{path} differs from the manifest")


def _rename_once(fresh: Path, target: Path) -> None:
    try:
        os.rename(fresh, target)
    except OSError:  # another process was first; its folder is verified like ours would be
        if not target.exists():
            raise


def with_end_token(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """CLIP's old configurations call their end token 2 and are read at the largest token number; where words were added
    that is another one, so the tokenizer's end token counts."""
    text = getattr(model.config, "text_config", None)
    if text is not None and getattr(text, "eos_token_id", None) == _OLD_END and tokenizer.eos_token_id is not None:
        text.eos_token_id = tokenizer.eos_token_id
        model.text_model.eos_token_id = tokenizer.eos_token_id
    return model
