"""Pages of articles drawn in the sandbox: on first need where one process serves, or all at once for a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from journalclip_inference.documents import Documents
from journalclip_inference.pictures import page_name, put_page
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.pages import DrawOptions
from journalclip_sources.sandbox import Cell


class SandboxedDrawer:
    """`journalclip_inference.pictures.PageDrawer` over the sandbox's cell."""

    def __init__(self, cell: Cell[DrawOptions, bytes]) -> None:
        self._cell = cell

    def draw(self, pdf: bytes, page: int) -> bytes:
        """Raises `PermanentError` with the codes of parser and sandbox, `TransientError`."""
        return self._cell.read(pdf, DrawOptions(page))


@dataclass
class Drawn:
    """What was done: pages drawn now, pages that were there, and those that cannot be drawn, by code."""

    drawn: int = 0
    known: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def draw_all(store: ArtifactStore, drawer: SandboxedDrawer, progress: Callable[[int, int], None]) -> Drawn:
    """Every page that a figure or its caption stands on; what is drawn already is left. Raises `TransientError`."""
    done, documents = Drawn(), Documents(store)
    articles = list(documents.articles())
    for count, article_id in enumerate(articles, start=1):
        for pdf, pages in _pages(documents, article_id).items():
            missing = [page for page in sorted(pages) if store.find_manifest("figures", page_name(pdf, page)) is None]
            done.known += len(pages) - len(missing)
            data = store.get(pdf) if missing else b""
            for page in missing:
                try:
                    put_page(store, pdf, page, drawer.draw(data, page))
                    done.drawn += 1
                except PermanentError as error:
                    done.refused[error.code] += 1
        progress(count, len(articles))
    return done


def _pages(documents: Documents, article_id: str) -> dict[ArtifactRef, set[int]]:
    found: dict[ArtifactRef, set[int]] = {}
    for article in documents.structured(article_id)[-1:]:
        for figure in documents.extracted(article.source).figures:
            found.setdefault(article.pdf, set()).update((figure.page, figure.caption_page))
    return found
