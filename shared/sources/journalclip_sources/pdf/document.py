"""Bytes -> an open PDF, or an error that says what is wrong with the file.

pdf-empty        no bytes at all
pdf-invalid      not a PDF, or too broken to open
pdf-truncated    the end of the file is missing, and with it its index: what pages survive is not the article
pdf-encrypted    a password is needed (an empty one is tried first)
pdf-no-pages     opens without an error and holds no page
"""

from __future__ import annotations

import pymupdf

from journalclip_shared.errors import PermanentError

# MuPDF reports a broken file through these; pymupdf's own checks raise ValueError ("bad page") and RuntimeError.
MUPDF_ERRORS = (pymupdf.mupdf.FzErrorBase, pymupdf.FileDataError, RuntimeError, ValueError)
_HEADER_REACH = 1024  # bytes in which "%PDF-" may stand, as readers allow junk before it
_TRAILER_REACH = 2048


def open_pdf(data: bytes) -> pymupdf.Document:
    """Open or raise `PermanentError`. The document's own password prompt never appears."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    if not data:
        raise PermanentError("pdf-empty", "the file has no bytes", "Fetch it again from its source.")
    if b"%PDF-" not in data[:_HEADER_REACH]:
        raise PermanentError(
            "pdf-invalid", "no PDF header in the first kilobyte", "Check what the source really served (a web page?)."
        )
    truncated = b"%%EOF" not in data[-_TRAILER_REACH:]
    try:
        document = pymupdf.open(stream=data, filetype="pdf")
        locked = document.needs_pass and not document.authenticate("")
        pages = 0 if locked else document.page_count
    except MUPDF_ERRORS as error:
        raise _broken(truncated, str(error)) from error
    if locked:
        raise PermanentError("pdf-encrypted", "the file asks for a password", "Submit a copy without one.")
    if truncated and document.is_repaired:
        raise _broken(truncated, f"{pages} pages survive without the file's index")
    if pages == 0:
        raise PermanentError("pdf-no-pages", "the file opens but holds no page", "Fetch it again from its source.")
    return document


def _broken(truncated: bool, reason: str) -> PermanentError:
    if truncated:
        return PermanentError("pdf-truncated", f"the end of the file is missing: {reason}", "Fetch it again, wholly.")
    return PermanentError("pdf-invalid", f"cannot be opened: {reason}", "Fetch it again or repair it.")
