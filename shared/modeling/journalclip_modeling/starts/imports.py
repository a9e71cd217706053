"""`journalclip models import`: a source in, a checked folder with a note of where it came from out.

The note (``start.json``) travels with the folder into manifests: source, digest of all its files, licence, the largest
difference between vectors before and after.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from journalclip_modeling.folder import ClipFolder, load_folder, save_folder
from journalclip_modeling.starts.errors import StartChanged, StartUnusable
from journalclip_modeling.starts.joined import join
from journalclip_modeling.starts.sources import Reference, pixels_and_texts, read_source

NOTE = "start.json"
CONVERTER = 1  # of the import's own rules; a change that moves vectors raises it
LARGEST = 1e-4  # between unit vectors; float32 sums in another order differ by some 1e-7
_TEXTS = [
    "",
    "a",
    "an axial view",
    "no acute infarct",
    "left temporal lobe, T2-weighted",
    "arrow",
    "B",
    "see text " * 40,
]
_HUB = ("*.json", "*.safetensors", "*.bin", "*.txt", "*.model", "*.md", "LICENSE*")


@dataclass(frozen=True)
class Note:
    """What is on record about a start. ``difference`` is None where the source's own library is not installed."""

    source: str
    source_sha256: str
    kind: str
    family: str
    licence: str
    parameters: int
    image_size: int
    fit: str
    context: int
    difference: float | None
    converter: int = CONVERTER


def import_start(
    source: str, into: Path, *, licence: str = "", quick_gelu: bool | None = None, tokenizer: Path | None = None
) -> Note:
    """Convert ``source`` (a folder, a weight file or a hub name) to the folder ``into``, which must not exist.

    Raises `StartUnusable`, `StartChanged`; nothing is left behind then.
    """
    path = Path(source)
    if not path.exists():
        path = _downloaded(source)
    read = read_source(path, quick_gelu, tokenizer)
    return _write(read.loaded, read.reference, into, source, [path], read.kind, licence or stated_licence(path))


def import_joined(image: Path, text: Path, into: Path, *, licence: str = "", dim: int = 512, seed: int = 0) -> Note:
    """Two encoders as one start; their projections are random from ``seed``. Raises as `import_start`."""
    loaded = join(image, text, dim, seed)
    known = licence or " and ".join(filter(None, (stated_licence(image), stated_licence(text))))
    return _write(loaded, None, into, f"{image.name} + {text.name}", [image, text], "two encoders", known)


def stated_licence(path: Path) -> str:
    """What a model card's heading says; empty where there is none."""
    card = (path if path.is_dir() else path.parent) / "README.md"
    if not card.is_file():
        return ""
    lines = card.read_text(errors="replace").split("\n---", 1)[0].splitlines()
    return next(
        (line.split(":", 1)[1].strip().strip("'\"") for line in lines if line.startswith(("license:", "licence:"))), ""
    )


def difference(loaded: ClipFolder, reference: Reference) -> float:
    """Largest difference of a unit vector's entry between a source's own model and ours."""
    model = loaded.model.eval()
    context = int(loaded.tokenizer.model_max_length)
    pixels, ids = pixels_and_texts(loaded, _TEXTS, context)
    with torch.inference_mode():
        theirs = reference(pixels, ids)
        ours = model.get_image_features(pixel_values=pixels).pooler_output, model.get_text_features(ids).pooler_output
    return max(_apart(a, b) for a, b in zip(ours, theirs, strict=True))


def _apart(a: Tensor, b: Tensor) -> float:
    return float((normalize(a, dim=-1) - normalize(b, dim=-1)).abs().max())


def _write(
    loaded: ClipFolder, reference: Reference | None, into: Path, source: str, paths: list[Path], kind: str, licence: str
) -> Note:
    if into.exists():
        raise StartUnusable(source, f"{into} exists", "Choose another name, or delete that folder.")
    if reference is None:
        model = loaded.model

        def reference(pixels: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
            return model.get_image_features(pixel_values=pixels).pooler_output, model.get_text_features(
                ids
            ).pooler_output

        checked = False
    else:
        checked = True
    fresh = into.with_name(into.name + ".tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        save_folder(loaded, fresh)
        after = load_folder(fresh)
        apart = difference(after, reference)
        if not apart <= LARGEST:  # also for no number
            raise StartChanged(source, apart)
        note = Note(
            source=source, source_sha256=_digest(paths), kind=kind, family=after.model.config.model_type,
            licence=licence or "unknown", parameters=sum(p.numel() for p in after.model.parameters()),
            image_size=after.preprocess.size, fit=after.preprocess.fit, context=int(after.tokenizer.model_max_length),
            difference=apart if checked else None,
        )  # fmt: skip
        (fresh / NOTE).write_text(json.dumps(asdict(note), indent=2, sort_keys=True) + "\n")
        fresh.rename(into)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return note


def _digest(paths: list[Path]) -> str:
    """Of all files of all sources, by name and content."""
    whole = hashlib.sha256()
    for path in paths:
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for each in files:
            with each.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
            whole.update(f"{each.name} {digest}\n".encode())
    return whole.hexdigest()


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise StartUnusable(
            name, f"no such folder or file, and the hub does not give it: {str(error).splitlines()[0]}"
        ) from error
