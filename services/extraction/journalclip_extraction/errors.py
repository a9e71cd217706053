"""Every way an article can end that is not figures, as stable codes; docs/operations/errors.md lists all.

    PermanentError
    ├── from the parser     pdf-empty, pdf-invalid, pdf-truncated, pdf-encrypted, pdf-no-pages, needs-ocr
    ├── from the sandbox    parse-timeout, parse-memory, parse-crashed, input-too-large, output-too-large
    └── from the handler    no-figures

The parser raises its own (`journalclip_sources.pdf`), the sandbox its own (`journalclip_sources.sandbox.errors`).
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError


class NoFigures(PermanentError):
    """The article was read whole and has no captioned figure."""

    def __init__(self, pages: int) -> None:
        super().__init__(
            "no-figures",
            f"no captioned figure on any of {pages} pages",
            "Nothing to do if the article has none; otherwise report the file.",
        )
