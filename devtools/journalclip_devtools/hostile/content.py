"""Drawings without end: recursion, multiplication and sheer number in page content."""

from __future__ import annotations

import math

from journalclip_devtools.hostile.pdf import PAGE, drawn, image, page, stream, write

_FORM = b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] "


def _form(content: bytes, resources: bytes) -> bytes:
    return stream(content, _FORM + b"/Resources << %s >>" % resources)


def form_recursion() -> bytes:
    return drawn([_form(b"/X Do\n", b"/XObject << /X 10 0 R >>")])


def form_ring() -> bytes:
    forms = [_form(b"/X Do\n", b"/XObject << /X %d 0 R >>" % (10 + (at + 1) % 40)) for at in range(40)]
    return drawn(forms)


def form_laughs() -> bytes:
    """Ten times ten times ten ...: twelve levels of forms, 10**12 drawings."""
    forms = [_form(b"/X Do\n" * 10, b"/XObject << /X %d 0 R >>" % (11 + at)) for at in range(12)]
    return drawn([*forms, _form(b"0 0 9 9 re f\n", b"")])


def pattern_recursion() -> bytes:
    pattern = stream(
        b"/Pattern cs /P scn 0 0 9 9 re f\n",
        b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9 "
        b"/Resources << /Pattern << /P 10 0 R >> >>",
    )
    return write(page(b"/Pattern cs /P scn 0 350 600 400 re f\n", b"/Pattern << /P 10 0 R >>", {10: pattern}))


def tiny_tiles() -> bytes:
    """A tiling of steps so small that a page needs 10**14 tiles."""
    tile = b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 0.00005 /YStep 0.00005 /Resources << >>"
    pattern = stream(b"0 0 9 9 re f\n", tile)
    return write(page(b"/Pattern cs /P scn 0 350 600 400 re f\n", b"/Pattern << /P 10 0 R >>", {10: pattern}))


def soft_mask_loop() -> bytes:
    """A picture whose soft mask is itself."""
    return drawn([image(bytes(300), 10, 10, b"/SMask 10 0 R")])


def glyph_recursion() -> bytes:
    """A Type 3 font whose glyph prints itself."""
    font = (
        b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1 1] /FontMatrix [1 0 0 1 0 0] /FirstChar 65 /LastChar 65 "
        b"/Widths [1] /Encoding << /Differences [65 /A] >> /CharProcs << /A 11 0 R >> "
        b"/Resources << /Font << /T 10 0 R >> >> >>"
    )
    glyph = stream(b"1 0 d0 BT /T 1 Tf (AAAAAAAAAA) Tj ET\n")
    objects = page(b"BT /T 12 Tf 100 400 Td (A) Tj ET\n", extra={10: font, 11: glyph})
    objects[PAGE] = objects[PAGE].replace(b"/F1 5 0 R", b"/F1 5 0 R /T 10 0 R")
    return write(objects)


def many_vectors() -> bytes:
    """A scatter plot of 120,000 points, each a path of its own."""
    points = b"".join(
        b"%.2f %.2f 1 1 re f\n" % (80 + 400 * (at * 0.754877 % 1), 330 + 300 * (at * 0.569840 % 1))
        for at in range(120_000)
    )
    return write(page(points))


def one_long_path() -> bytes:
    turns = b"".join(
        b"%.2f %.2f l\n" % (300 + 200 * math.cos(at), 500 + 150 * math.sin(at * 1.01)) for at in range(300_000)
    )
    return write(page(b"300 500 m\n" + turns + b"S\n"))


def tiny_dashes() -> bytes:
    return write(page(b"[0.0000001 0.0000001] 0 d 0 400 m 600 700 l 100 350 m 30000000 400 l S\n"))


def deep_states() -> bytes:
    return write(page(b"q 1 0 0 1 0 0 cm " * 400_000))


def many_words() -> bytes:
    """Half a million words, all at one place."""
    return write(page(b"BT /F1 10 Tf 100 500 Td " + b"(Fig. 1 ) Tj " * 500_000 + b"ET\n"))


def many_captions() -> bytes:
    """Forty thousand lines that all begin like a caption."""
    lines = b"".join(
        b"BT /F1 4 Tf %d %d Td (Figure %d. A.) Tj ET\n" % (at % 20 * 30, at % 780, at) for at in range(40_000)
    )
    return write(page(lines))


def many_images() -> bytes:
    """One small picture drawn 50,000 times."""
    place = b"q 5 0 0 5 %d %d cm /X Do Q\n"
    content = b"".join(place % (at % 120 * 5, at // 120 % 150 * 5) for at in range(50_000))
    return drawn([image(bytes(300), 10, 10, b"")], content)


def huge_clip() -> bytes:
    return write(page(b"0 0 m 1e30 1e30 l -1e30 1e30 l h W n 1e30 0 0 1e30 0 0 cm 0 0 1 1 re f\n"))


def endless_inline_image() -> bytes:
    return write(page(b"BI /W 60000 /H 60000 /CS /RGB /BPC 8 ID " + bytes(4000)))


def broken_font() -> bytes:
    """A TrueType file of random tables, with a name that is a path."""
    program = b"\x00\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00" + b"glyf\xff\xff\xff\xff" * 3000
    font = b"<< /Type /Font /Subtype /TrueType /BaseFont /..#2F..#2Fetc#2Fpasswd /FontDescriptor 10 0 R >>"
    descriptor = b"<< /Type /FontDescriptor /FontName /..#2F..#2Fx /Flags 4 /FontFile2 11 0 R >>"
    return write(page(b"", extra={5: font, 10: descriptor, 11: stream(program)}))


def looping_character_map() -> bytes:
    """A font whose ToUnicode uses itself, with a range of all there is."""
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding 10 0 R /ToUnicode 10 0 R /DescendantFonts [11 0 R] >>"
    )
    cmap = stream(
        b"/M usecmap 1 begincodespacerange <00000000> <FFFFFFFF> endcodespacerange "
        b"1 begincidrange <00000000> <FFFFFFFF> 0 endcidrange",
        b"/Type /CMap /CMapName /M /UseCMap 10 0 R",
    )
    descendant = (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /A /DescendantFonts [11 0 R] /W [0 2000000000 500] >>"
    )
    return write(page(b"", extra={5: font, 10: cmap, 11: descendant}))
