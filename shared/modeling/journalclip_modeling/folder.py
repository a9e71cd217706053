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

from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import load_clip
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.model import ModelFile

# Loading takes under a second; its bar would break into ours.
transformers_logging.disable_progress_bar()


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
    """What a folder holds once loaded."""

    model: CLIPModel
    tokenizer: PreTrainedTokenizerBase
    preprocess: Preprocess


def load_folder(folder: Path) -> ClipFolder:
    """Load offline, float32. Raises `ModelUnloadable`."""
    if not (folder / "config.json").is_file():
        raise ModelUnloadable(folder, "no config.json")
    try:
        model = load_clip(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnloadable(folder, str(error)) from error
    return ClipFolder(model, tokenizer, _preprocess(folder, model))


def save_folder(loaded: ClipFolder, folder: Path) -> None:
    """Write a folder that `load_folder` and ``CLIPModel.from_pretrained`` both read."""
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    size = loaded.preprocess.size
    CLIPImageProcessorPil(
        size={"height": size, "width": size},
        do_center_crop=False,
        image_mean=list(loaded.preprocess.mean),
        image_std=list(loaded.preprocess.std),
    ).save_pretrained(folder)


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


def _preprocess(folder: Path, model: CLIPModel) -> Preprocess:
    size = int(model.config.vision_config.image_size)
    if not (folder / "preprocessor_config.json").is_file():
        return Preprocess(size)
    config = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    mean, std = (tuple(float(value) for value in values) for values in (config.image_mean, config.image_std))
    return Preprocess(size, mean, std)  # type: ignore[arg-type]
