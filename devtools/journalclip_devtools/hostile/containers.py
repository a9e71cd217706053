"""Not quite a PDF: empty, cut, disguised, locked, or two things at once."""

from __future__ import annotations

import io
import zipfile

import pymupdf

from journalclip_devtools.hostile.pdf import page, write


def plain() -> bytes:
    """One page with a caption and a picture drawn as vectors: what the others are damaged from."""
    bars = b"".join(b"%d 340 30 %d re f\n" % (100 + 40 * at, 60 + 20 * at) for at in range(8))
    return write(page(b"0.2 0.3 0.6 rg\n" + bars))


def empty() -> bytes:
    return b""


def one_byte() -> bytes:
    return b"%"


def header_only() -> bytes:
    return b"%PDF-1.7\n"


def web_page() -> bytes:
    return b"<!doctype html><html><head><title>Sign in</title></head><body>%PDF- for subscribers</body></html>"


def truncated() -> bytes:
    return plain()[: len(plain()) // 3]


def no_trailer() -> bytes:
    return plain().rpartition(b"xref\n0 ")[0]


def zeros() -> bytes:
    return bytes(1 << 20)


def zip_and_pdf() -> bytes:
    """A polyglot: a PDF whose tail is a ZIP archive."""
    tail = io.BytesIO()
    with zipfile.ZipFile(tail, "w") as archive:
        archive.writestr("../../evil.sh", "#!/bin/sh\n")
    return plain() + tail.getvalue()


def web_page_and_pdf() -> bytes:
    """A polyglot: markup before the header, which readers tolerate within the first kilobyte."""
    return b"<script>alert(1)</script>\n" + plain()


def png_and_pdf() -> bytes:
    """A polyglot: a PNG header first, a PDF behind."""
    return b"\x89PNG\r\n\x1a\n" + bytes(64) + plain()


def zero_pages() -> bytes:
    objects = page(b"")
    objects[2] = b"<< /Type /Pages /Kids [] /Count 0 >>"
    return write(objects)


def user_password() -> bytes:
    return _locked("secret", pymupdf.PDF_ENCRYPT_RC4_128)


def empty_user_password() -> bytes:
    """Locked against changes only: anyone may read it, and so must we."""
    return _locked("", pymupdf.PDF_ENCRYPT_RC4_128)


def empty_user_password_aes() -> bytes:
    """As above, by AES. The salts of locked files make them the ones that are not the same each time."""
    return _locked("", pymupdf.PDF_ENCRYPT_AES_256)


def _locked(user: str, method: int) -> bytes:
    with pymupdf.open(stream=plain(), filetype="pdf") as document:
        locked: bytes = document.tobytes(encryption=method, owner_pw="owner", user_pw=user, no_new_id=True)
        return locked
