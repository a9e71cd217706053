"""Bombs in filters: small on disk, enormous once decoded."""

from __future__ import annotations

import zlib

from journalclip_devtools.hostile.pdf import drawn, image, page, stream, write

_BLOCK = 1 << 22


def _deflate(data: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        data = zlib.compress(data, 9)
    return data


def _long(fill: bytes, size: int) -> bytes:
    """Deflated ``size`` bytes of ``fill``: one compressed block said again and again, so building costs nothing."""
    block = fill * (_BLOCK // len(fill))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(size // _BLOCK):
        checksum = zlib.adler32(block, checksum)
    return b"\x78\x9c" + once * (size // _BLOCK) + b"\x03\x00" + checksum.to_bytes(4, "big")


def flate_content() -> bytes:
    """2 GiB of spaces as a page's content."""
    return write(page(_long(b" ", 2 << 30), content_entries=b"/Filter /FlateDecode"))


def nested_flate() -> bytes:
    """Flate within flate within flate: 1 GiB from about a hundred bytes a level."""
    data = _deflate(_long(b"\x00", 1 << 30), 2)
    return write(page(data, content_entries=b"/Filter [/FlateDecode /FlateDecode /FlateDecode]"))


def flate_operators() -> bytes:
    """Hundreds of megabytes of operators that all draw something."""
    return write(page(_long(b"0 0 m 9 9 l S\n  ", 256 << 20), content_entries=b"/Filter /FlateDecode"))


def long_filter_chain() -> bytes:
    chain = b"/ASCIIHexDecode " * 5000
    return write(page(b"00>" * 100, content_entries=b"/Filter [ %s ]" % chain))


def run_length() -> bytes:
    """Run-length expands 64-fold, deflated before that 1000-fold."""
    runs = _long(b"\x81\x00", 64 << 20)
    return write(page(runs, content_entries=b"/Filter [/FlateDecode /RunLengthDecode]"))


def huge_image() -> bytes:
    """A picture of 60,000 by 60,000 pixels in 10 MB."""
    return drawn([image(_long(b"\x7f", 1 << 30), 60_000, 60_000)])


def impossible_image() -> bytes:
    """More pixels than addresses."""
    return drawn([image(_deflate(b"\x00" * 100), 2**31 - 1, 2**31 - 1)])


def huge_jpeg() -> bytes:
    """A JPEG header that promises 65,500 by 65,500 pixels."""
    frame = b"\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"
    return drawn([image(b"\xff\xd8" + frame + b"\xff\xda\x00\x08" + bytes(500), 65_500, 65_500, b"/Filter /DCTDecode")])


def bad_jpeg2000() -> bytes:
    box = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\xff\x4f\xff\x51\x00\x2f" + b"\xff" * 45
    return drawn([image(box, 4000, 4000, b"/Filter /JPXDecode")])


def bad_jbig2() -> bytes:
    segment = b"\x00\x00\x00\x00\x30\x00\x01\x00\x00\x00\x13" + b"\xff" * 19
    return drawn([image(segment, 4000, 4000, b"/Filter /JBIG2Decode")])


def bad_fax() -> bytes:
    return drawn([image(bytes(range(256)) * 40, 30_000, 30_000, b"/Filter /CCITTFaxDecode /DecodeParms << /K -1 "
                        b"/Columns 2147483647 /Rows 2147483647 >>")])  # fmt: skip


def huge_predictor() -> bytes:
    parameters = b"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 2147483647 /Colors 32 >>"
    return drawn([image(_deflate(bytes(5000)), 500, 500, parameters)])


def object_stream() -> bytes:
    """An object stream that says it holds two thousand million objects."""
    objects = page(b"")
    objects[10] = stream(_deflate(b"11 0 " * 1000), b"/Type /ObjStm /N 2000000000 /First 5000 /Filter /FlateDecode")
    return write(objects)


def sampled_function() -> bytes:
    """A shading whose sampled function has 2**32 samples."""
    function = stream(bytes(64), b"/FunctionType 0 /Domain [0 1 0 1] /Range [0 1 0 1 0 1] /Size [65536 65536] "
                      b"/BitsPerSample 8")  # fmt: skip
    shading = b"<< /ShadingType 1 /ColorSpace /DeviceRGB /Domain [0 1 0 1] /Function 11 0 R >>"
    return write(page(b"q 400 0 0 300 100 350 cm /S sh Q\n", b"/Shading << /S 10 0 R >>", {10: shading, 11: function}))
