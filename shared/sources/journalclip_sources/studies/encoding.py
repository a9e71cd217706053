"""The text of a file whose character set nobody declared: read surely, or not at all.

UTF-8 and UTF-16 are told by their own rules, GB18030 by Chinese characters of the common plane in pairs of high bytes,
Windows-1252 by single accented letters within words. What fits none of them is refused: a wrong guess would be stored
as garbage, and names in it would not be found.
"""

from __future__ import annotations

import codecs
import re

from journalclip_sources.studies.errors import StudyRefused

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_HIGH = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffd]")
# Signs that cp1252 has where other code pages have letters: between two letters they show a wrong guess.
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\d_])[¡-©«-´¶-¹»-¿×÷†‡ˆ‰‹›ƒ„¸](?=[^\W\d_])")


def decode_text(data: bytes) -> str:
    """Raises `StudyRefused` ``report-unreadable``."""
    text = _decoded(data)
    if text is None or _CONTROL.search(text):
        raise StudyRefused("report-unreadable", "its character set is none of UTF-8, UTF-16, GB18030 and Windows-1252")
    return text


def _decoded(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _try(data, name)
    if b"\0" in data:
        return _utf16(data)
    found = _try(data, "utf-8")
    if found is not None:
        return found
    return _chinese(data) or _western(data)


def _utf16(data: bytes) -> str | None:
    """Without a mark: the zero bytes of Latin letters and spaces lie all on one side."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    if len(data) % 2 or min(even, odd) > 0.05 * max(even, odd):
        return None
    return _try(data, "utf-16-le" if odd > even else "utf-16-be")


def _chinese(data: bytes) -> str | None:
    runs = _HIGH.findall(data)
    high = sum(map(len, runs))
    paired = sum(len(run) for run in runs if len(run) % 2 == 0)
    text = _try(data, "gb18030")
    if text is None or paired < 0.9 * high:
        return None
    foreign = [c for c in text if ord(c) > 0x7F]
    chinese = sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" for c in foreign)
    common = sum(0xB0 <= c.encode("gb18030")[0] <= 0xD7 for c in foreign if "\u4e00" <= c <= "\u9fff")
    # The first plane of GB2312, which holds the 3,755 commonest characters; half of them would be there by chance.
    return text if chinese >= 0.9 * len(foreign) and common >= 0.75 * max(1, chinese - len(foreign) // 4) else None


def _western(data: bytes) -> str | None:
    text = _try(data, "cp1252")
    if text is None or _SIGN_IN_WORD.search(text):
        return None
    words = re.findall(r"[^\W\d_]+", text)
    letters = "".join(words)
    accented = sum(ord(c) > 0x7F for c in letters)
    heavy = sum(sum(ord(c) > 0x7F for c in word) > max(1, len(word) // 2) for word in words)
    return text if accented <= 0.25 * max(1, len(letters)) and heavy <= 0.1 * max(1, len(words)) else None


def _try(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return None
