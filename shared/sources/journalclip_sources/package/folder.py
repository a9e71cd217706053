"""What a person names on a command line -> deliveries: a file each, or a folder that is one bundle.

A folder that holds XML is a bundle: its files belong together. Any other folder holds deliveries side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from journalclip_shared.errors import PermanentError
from journalclip_sources.package.names import is_content
from journalclip_sources.package.pack import pack
from journalclip_sources.package.unpack import MAX_BYTES, MAX_ENTRIES

_XML = frozenset({".xml", ".nxml", ".jats"})
_ALONE = frozenset({".pdf", ".zip", ".meca", ".tgz", ".tar", *_XML})


def iter_deliveries(paths: Iterable[Path]) -> Iterator[Path]:
    """Files named, and deliveries inside folders named, in a stable order."""
    for path in paths:
        yield from _inside(path) if path.is_dir() else [path]


def is_bundle(folder: Path) -> bool:
    """A folder whose files belong together."""
    return any(path.suffix.lower() in _XML and path.is_file() for path in folder.iterdir())


def _inside(folder: Path) -> Iterator[Path]:
    if is_bundle(folder):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _inside(path)
        elif path.is_file() and (path.suffix.lower() in _ALONE or path.name.lower().endswith(".tar.gz")):
            yield path


def delivery_files(path: Path) -> dict[str, Path]:
    """Files of a delivery by their names in it. Raises `PermanentError` ``bundle-too-large``."""
    if not path.is_dir():
        return {path.name: path}
    files = {
        each.relative_to(path).as_posix(): each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink()
    }  # fmt: skip
    if len(files) > MAX_ENTRIES or sum(each.stat().st_size for each in files.values()) > MAX_BYTES:
        raise PermanentError(
            "bundle-too-large", f"{path} holds more than {MAX_ENTRIES} files or {MAX_BYTES} bytes",
            "Deliver each article by itself.",
        )  # fmt: skip
    return files


def read_delivery_files(path: Path) -> bytes:
    """The bytes of a delivery. Raises `PermanentError` ``file-unreadable``, ``bundle-empty``, ``bundle-too-large``."""
    try:
        found = {name: each.read_bytes() for name, each in delivery_files(path).items()}
    except OSError as error:
        raise PermanentError(
            "file-unreadable", f"{path}: {error.strerror}", "Check the path and its rights."
        ) from error
    if not path.is_dir():
        return found[path.name]
    found = {name: data for name, data in found.items() if is_content(name, data)}
    if not found:
        raise PermanentError("bundle-empty", f"{path} holds no file with content", "Check what was delivered.")
    return pack(found) if len(found) > 1 else next(iter(found.values()))
