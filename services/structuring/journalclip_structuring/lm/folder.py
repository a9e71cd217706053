"""What tells one model folder from another, without loading it."""

from __future__ import annotations

from pathlib import Path

from journalclip_shared.artifacts.local import digest_of
from journalclip_shared.ids import sha256_hex


def folder_digest(folder: Path) -> str:
    """Ten hexadecimal digits over the names and bytes of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_hex("".join(path.name + digest_of(path)[0] for path in files).encode())[:10]
