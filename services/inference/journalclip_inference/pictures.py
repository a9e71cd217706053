"""Pictures for the page: crops as they are stored, scaled down on request, and whole pages drawn from the PDF.

A page is drawn in a child process of its own with limits on time and memory, because a PDF is a stranger's program; the
child gets the bytes on its standard input and nothing else. What was drawn is kept in a folder and never drawn twice.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from pathlib import Path

from PIL import Image

from journalclip_inference.errors import ImageRefused
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.atomic import write_atomically

SIDES = (240, 480, 960)  # the sizes offered: grid, list and figure page; a free choice would fill the cache
_SECONDS = 15  # a page takes tens of milliseconds; one that takes this long never ends
_MEMORY = 1 << 30  # bytes
_MAX_OUTPUT = 20_000_000  # bytes of a PNG; a page at 100 dpi is about one megabyte

# What the child runs. It has no arguments from outside but a page number, and writes one PNG.
# The page script knows the 110 dpi (web/static/page.js): it turns pixels into points to lay boxes over the page.
_DRAW = """
import sys, pymupdf
document = pymupdf.open(stream=sys.stdin.buffer.read(), filetype="pdf")
page = document[int(sys.argv[1]) - 1]
if max(page.rect.width, page.rect.height) > 3000:
    sys.exit("a page this large is no journal page")
sys.stdout.buffer.write(page.get_pixmap(dpi=110, alpha=False).tobytes("png"))
"""


class Pictures:
    """Images of one store, with a folder for what was scaled or drawn."""

    def __init__(self, store: ArtifactStore, cache: Path) -> None:
        self._store = store
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
        """A page as PNG. Raises `ImageRefused` ``page-undrawable``."""
        path = self._cache / f"{pdf.sha256}-page-{page}.png"
        if not path.exists():
            write_atomically(path, draw_page(self._store.get(pdf), page))
        return path.read_bytes()


def draw_page(pdf: bytes, page: int) -> bytes:
    """PNG of one page, drawn under limits. Raises `ImageRefused`."""
    command = [sys.executable, "-I", "-c", _DRAW, str(page)]
    try:
        done = subprocess.run(
            command, input=pdf, capture_output=True, timeout=_SECONDS, env={}, preexec_fn=_confine, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ImageRefused("page-undrawable", f"page {page} took longer than {_SECONDS} s", "Open the PDF.") from error
    if done.returncode != 0 or not done.stdout or len(done.stdout) > _MAX_OUTPUT:
        raise ImageRefused("page-undrawable", f"page {page} cannot be drawn", "Open the PDF.")
    return done.stdout


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _scaled(data: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (side, side))
        small = image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
