"""Every way an article can end that is not figures, as stable codes; docs/operations/errors.md lists all.

    PermanentError
    ├── from the parser     pdf-empty, pdf-invalid, pdf-truncated, pdf-encrypted, pdf-no-pages, needs-ocr
    ├── from splitting      several-articles
    ├── from bundles        bundle-invalid, bundle-too-large, bundle-empty
    ├── from XML            xml-invalid, xml-hostile, xml-too-large, xml-schema-unsupported
    ├── from the sandbox    parse-timeout, parse-memory, parse-crashed, input-too-large, output-too-large
    └── from the handler    no-figures

The parser raises its own (`journalclip_sources.pdf`), the sandbox its own (`journalclip_sources.sandbox.errors`).
"""

from __future__ import annotations

from journalclip_extraction.article import ReadDelivery
from journalclip_shared.errors import PermanentError


class NoFigures(PermanentError):
    """The article was read whole and has no captioned figure."""

    def __init__(self, pages: int) -> None:
        super().__init__(
            "no-figures",
            f"no captioned figure on any of {pages} pages",
            "Nothing to do if the article has none; otherwise report the file.",
        )


def refuse_empty(delivery: ReadDelivery) -> None:
    """Raises `NoFigures` where nothing was found and no XML says that there is nothing to find."""
    if not any(article.figures or "xml" in article.sources for article in delivery.articles):
        raise NoFigures(delivery.pages)
