"""Names of files in a delivery: one spelling, and which of them are no content."""

from __future__ import annotations

import re

_JUNK = re.compile(r"(?:^|/)(?:__MACOSX/|\._[^/]*$|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\.git/|\.svn/)", re.IGNORECASE)
_POINTER = b"version https://git-lfs.github.com/spec/"
_LEAST_BYTES = 8  # no document or picture is smaller: such a file is a placeholder


def spelled(name: str) -> str | None:
    """With forward slashes and without ``./``; None for a name that climbs out of its delivery."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\0" in name:
        return None
    return "/".join(parts)


def is_content(name: str, data: bytes) -> bool:
    """False for what archivers and file systems leave beside the content."""
    return len(data) >= _LEAST_BYTES and not _JUNK.search(name) and not data.startswith(_POINTER)


def stem(name: str) -> str:
    """Base name without its last extension, lower case."""
    base = name.rpartition("/")[2].lower()
    return base.rpartition(".")[0] if "." in base[1:] else base


def suffix(name: str) -> str:
    """Last extension without its dot, lower case; empty where there is none."""
    base = name.rpartition("/")[2].lower()
    return base.rpartition(".")[2] if "." in base[1:] else ""
