from __future__ import annotations

import pymupdf
import pytest

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.extractor import read_article
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.document import open_pdf

NO_PAGES = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF"
)


def article() -> bytes:
    return Journal().paragraph(50, 80).pdf()


def encrypted(password: str) -> bytes:
    with pymupdf.open(stream=article(), filetype="pdf") as document:
        data: bytes = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw=password)
    return data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "pdf-empty"),
        (b"<html><body>Not found</body></html>", "pdf-invalid"),
        (b"%PDF-1.7\nnonsense\n%%EOF", "pdf-invalid"),
        (b"%PDF-1.7\n" + b"\0" * 3000, "pdf-truncated"),
        (NO_PAGES, "pdf-no-pages"),
        (encrypted("secret"), "pdf-encrypted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_refusal_has_its_code(data: bytes, code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        open_pdf(data)
    assert caught.value.code == code
    assert caught.value.remedy


def test_an_empty_password_is_no_obstacle() -> None:
    with open_pdf(encrypted("")) as document:
        assert document.page_count == 1


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_file_is_refused_as_truncated(share: float) -> None:
    data = article()
    with pytest.raises(PermanentError) as caught:
        read_article(data[: int(len(data) * share)], ExtractOptions())
    assert caught.value.code == "pdf-truncated"
