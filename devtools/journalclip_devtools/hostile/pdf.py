"""The smallest PDF writer that can write wrong PDFs: objects as bytes, an xref table, a trailer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"

CATALOG, PAGES, PAGE, CONTENT, FONT = 1, 2, 3, 4, 5
"""Object numbers of the skeleton that `page` makes; builders add theirs from 10 on."""

CAPTION = b"BT /F1 10 Tf 72 300 Td (Figure 1. Axial CT of the head shows nothing of note.) Tj ET\n"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def write(objects: Mapping[int, bytes], trailer: bytes = b"") -> bytes:
    """A file with these objects; ``trailer`` adds entries."""
    out, places = bytearray(HEADER), {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(out)


def page(
    content: bytes,
    resources: bytes = b"",
    extra: Mapping[int, bytes] | None = None,
    entries: bytes = b"",
    content_entries: bytes = b"",
) -> dict[int, bytes]:
    """Objects of a file with one page that also prints a caption, so that a reader has a reason to go on."""
    return {
        CATALOG: b"<< /Type /Catalog /Pages 2 0 R >>",
        PAGES: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> %s >> %s >>" % (resources, entries),
        CONTENT: stream(content if content_entries else CAPTION + content, content_entries),
        FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        **(extra or {}),
    }


def image(data: bytes, width: int, height: int, entries: bytes = b"/Filter /FlateDecode") -> bytes:
    head = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 " % (
        width,
        height,
    )
    return stream(data, head + entries)


def drawn(objects: Sequence[bytes], content: bytes = b"q 400 0 0 300 100 350 cm /X Do Q\n") -> bytes:
    """A page that draws the XObject ``objects[0]``, which is number 10; the others follow as 11, 12 ..."""
    extra = {10 + at: body for at, body in enumerate(objects)}
    return write(page(content, b"/XObject << /X 10 0 R >>", extra))
