"""Knots in the object graph: loops, towers, and numbers that promise too much."""

from __future__ import annotations

from journalclip_devtools.hostile.containers import plain
from journalclip_devtools.hostile.pdf import CATALOG, HEADER, PAGE, PAGES, page, stream, write


def page_tree_loop() -> bytes:
    objects = page(b"")
    objects[PAGES] = b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 /Parent 2 0 R >>"
    return write(objects)


def page_tree_bomb() -> bytes:
    """Ten kids that are one node, twelve levels deep: 10**12 pages."""
    objects = page(b"")
    for level in range(12):
        child = 11 + level if level < 11 else PAGE
        count = 10 ** (12 - level)
        objects[10 + level] = b"<< /Type /Pages /Count %d /Kids [ %s ] >>" % (count, b"%d 0 R " % child * 10)
    objects[CATALOG] = b"<< /Type /Catalog /Pages 10 0 R >>"
    return write(objects)


def page_tree_tower() -> bytes:
    """A page under 20,000 nodes of one kid each."""
    objects = page(b"")
    last = 10 + 20_000
    for number in range(10, last):
        child = number + 1 if number + 1 < last else PAGE
        objects[number] = b"<< /Type /Pages /Count 1 /Kids [%d 0 R] >>" % child
    objects[CATALOG] = b"<< /Type /Catalog /Pages 10 0 R >>"
    return write(objects)


def false_count() -> bytes:
    objects = page(b"")
    objects[PAGES] = b"<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>"
    return write(objects)


def many_pages() -> bytes:
    """One page listed 200,000 times."""
    objects = page(b"")
    objects[PAGES] = b"<< /Type /Pages /Count 200000 /Kids [ %s ] >>" % (b"3 0 R " * 200_000)
    return write(objects)


def no_such_pages() -> bytes:
    objects = page(b"")
    objects[PAGES] = b"<< /Type /Pages /Count 3 /Kids [77 0 R 78 0 R null] >>"
    return write(objects)


def xref_loop() -> bytes:
    """A table whose previous table is itself."""
    start = plain().rfind(b"xref\n0 ")
    return plain().replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


def xref_stream_of_all() -> bytes:
    """A cross-reference stream with an index of two thousand million entries."""
    body = b"9 0 obj\n%s\nendobj\n" % stream(
        bytes(700), b"/Type /XRef /W [1 4 2] /Index [0 2000000000] /Size 2000000000 /Root 1 0 R"
    )
    return HEADER + body + b"startxref\n%d\n%%%%EOF\n" % len(HEADER)


def huge_size() -> bytes:
    return plain().replace(b"/Size 6", b"/Size 8388606000")


def deep_arrays() -> bytes:
    objects = page(b"")
    objects[10] = b"[" * 300_000 + b"]" * 300_000
    objects[PAGE] = objects[PAGE].replace(b"/MediaBox [0 0 612 792]", b"/MediaBox 10 0 R")
    return write(objects)


def deep_dictionaries() -> bytes:
    objects = page(b"")
    objects[10] = b"<</A" * 200_000 + b" 1 " + b">>" * 200_000
    objects[PAGE] = objects[PAGE].replace(b"/Parent", b"/Metadata 10 0 R /Parent")
    return write(objects)


def reference_loop() -> bytes:
    """Objects that are references to one another, where lengths and boxes are looked for."""
    objects = page(b"")
    objects[10], objects[11] = b"11 0 R", b"10 0 R"
    objects[PAGE] = objects[PAGE].replace(b"/MediaBox [0 0 612 792]", b"/MediaBox 10 0 R /Rotate 11 0 R")
    objects[4] = objects[4].replace(b"/Length ", b"/Length 10 0 R /Was ")
    return write(objects)


def outline_loop() -> bytes:
    objects = page(b"")
    objects[CATALOG] = b"<< /Type /Catalog /Pages 2 0 R /Outlines 10 0 R >>"
    objects[10] = b"<< /First 11 0 R /Last 12 0 R /Count 2 >>"
    objects[11] = b"<< /Title (a) /Parent 10 0 R /Next 12 0 R /First 11 0 R >>"
    objects[12] = b"<< /Title (b) /Parent 11 0 R /Next 11 0 R >>"
    return write(objects)


def endless_box() -> bytes:
    """A page as large as numbers go."""
    return plain().replace(b"[0 0 612 792]", b"[-3e38 -3e38 3e38 3e38]")
