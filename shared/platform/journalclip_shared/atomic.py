"""A file that is whole or absent, whatever kills its writer: the one atomic write outside the artifact store."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, mode: int = 0o644, durable: bool = False) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends without an error.

    Readers see the old file or the new one; two writers may race, and one of them wins. The temporary keeps the
    suffix, which some writers choose a format by. ``durable``: it also survives a power cut.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(mode)
        yield temporary
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Readers see the old bytes or the new ones, also after a power cut."""
    with replacing(path, mode, durable=True) as temporary:
        temporary.write_bytes(data)


def write_once(path: Path, data: bytes) -> None:
    """Whole or not at all, mode 0600, and only the first writer's: a link fails where the name is taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was first: its bytes are the ones
    finally:
        temporary.unlink()
