"""Pictures on their way to the server and back."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from journalclip.errors import ExtraMissing

if TYPE_CHECKING:
    from PIL import Image


class OpenImage(Protocol):
    """What is needed of an open image; PIL's have it."""

    def save(self, file: IO[bytes], kind: str, /) -> None: ...


Picture = OpenImage | Path | bytes


def encoded(picture: Picture) -> str:
    """The picture's file in base64; an open image is written as PNG."""
    if isinstance(picture, Path):
        data = picture.read_bytes()
    elif isinstance(picture, bytes):
        data = picture
    else:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        data = buffer.getvalue()
    return base64.b64encode(data).decode()


def opened(data: bytes) -> Image.Image:
    """Raises `ExtraMissing` without Pillow."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ExtraMissing("pillow", "pictures") from error
    return Image.open(io.BytesIO(data))
