"""Pictures for the page: crops as they are stored, scaled down on request, and pages of articles.

No PDF is opened here. A page is read where extraction's sandbox has drawn it (`journalclip pages`), or asked of the
drawer that whoever wires this process has given. What was drawn is kept in a folder and never drawn twice.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol

from PIL import Image

from journalclip_inference.errors import NotFound
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.atomic import write_atomically
from journalclip_shared.records import Document

SIDES = (240, 480, 960)  # the sizes offered: grid, list and figure page; a free choice would fill the cache


class PageDrawer(Protocol):
    """Draws a page of a PDF somewhere that has nothing to lose."""

    def draw(self, pdf: bytes, page: int) -> bytes:
        """PNG. Raises `PermanentError` with the codes of parser and sandbox, `TransientError`."""
        ...


class DrawnPage(Document):
    """A page that was drawn."""

    picture: ArtifactRef


def page_name(pdf: ArtifactRef, page: int) -> str:
    """Name of a drawn page's manifest in the bucket ``figures``."""
    return f"pages/{pdf.sha256}/{page}"


def put_page(store: ArtifactStore, pdf: ArtifactRef, page: int, png: bytes) -> ArtifactRef:
    drawn = DrawnPage(picture=store.put("figures", png, "image/png"))
    return store.put_manifest("figures", page_name(pdf, page), drawn.canonical())


class Pictures:
    """Images of one store, with a folder for what was scaled or drawn."""

    def __init__(self, store: ArtifactStore, cache: Path, drawer: PageDrawer | None = None) -> None:
        self._store, self._drawer = store, drawer
        self._cache = cache
        cache.mkdir(parents=True, exist_ok=True)

    def crop(self, ref: ArtifactRef, side: int | None) -> tuple[bytes, str]:
        """The bytes and their media type; JPEG of at most ``side`` pixels where that is given."""
        if side is None:
            return self._store.get(ref), ref.media_type
        path = self._cache / f"{ref.sha256}-{side}.jpg"
        if not path.exists():
            write_atomically(path, _scaled(self._store.get(ref), side))
        return path.read_bytes(), "image/jpeg"

    def page(self, pdf: ArtifactRef, page: int) -> bytes:
        """A page as PNG. Raises `NotFound` where it is not drawn and nothing here draws, and what the drawer raises."""
        path = self._cache / f"{pdf.sha256}-page-{page}.png"
        if not path.exists():
            write_atomically(path, self._drawn(pdf, page))
        return path.read_bytes()

    def _drawn(self, pdf: ArtifactRef, page: int) -> bytes:
        known = self._store.find_manifest("figures", page_name(pdf, page))
        if known is not None:
            return self._store.get(DrawnPage.model_validate_json(self._store.get(known)).picture)
        if self._drawer is None:
            raise NotFound("drawing of page", f"{page} of {pdf.sha256[:16]}", "Run `journalclip pages`.")
        return self._drawer.draw(self._store.get(pdf), page)


def _scaled(data: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (side, side))
        small = image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
