"""What tells one model folder from another, without loading it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from journalclip_shared.ids import sha256_hex


def folder_digest(folder: Path) -> str:
    """Ten hexadecimal digits over the names and bytes of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_hex("".join(path.name + _digest(path) for path in files).encode())[:10]


def _digest(path: Path) -> str:
    with path.open("rb") as file:  # weights are gigabytes
        return hashlib.file_digest(file, "sha256").hexdigest()
