"""The parts of a caption that speak of one panel each.

In "A, axial CT of a haematoma. B, sagittal MRI of a glioma" nobody says "CT of a glioma"; so a query must be met within
one part. What stands before the first part ("Case 3. A 40-year-old man.") belongs to all of them.
"""

from __future__ import annotations

import re

_LETTER = re.compile(
    r"(?:(?<=^)|(?<=[\s(.;:]))\(?([A-Za-z])(?:\s*(?:[-\u2013,]|and)\s*[A-Za-z])*(?:\)[:.,]?|[:.,])\s+(?=[^\W\d_])"
)
_SIDE = re.compile(
    r"(?:(?<=^)|(?<=[.;]\s))\(?(?:upper |lower |top |bottom |middle )?"
    r"(?:left|right|top|bottom|cent(?:er|re)|middle|upper|lower)(?: panel)?\)?\s*[:,.]\s+",
    re.I,
)
_WORDS = 4  # words that a part between semicolons must have to be a panel's


def segments(caption: str) -> list[str]:
    """One text a panel, each with the common beginning; the caption itself where it speaks of one picture."""
    starts = _lettered(caption)
    if len(starts) < 2:
        starts = [match.start() for match in _SIDE.finditer(caption)]
    if len(starts) < 2:
        parts = [part.strip() for part in caption.split(";")]
        whole = len(parts) > 1 and all(len(part.split()) >= _WORDS and part[0].isupper() for part in parts)
        return parts if whole else [caption]
    common = caption[: starts[0]].strip()
    ends = [*starts[1:], len(caption)]
    return [f"{common} {caption[a:b].strip()}".strip() for a, b in zip(starts, ends, strict=True)]


def _lettered(caption: str) -> list[int]:
    """Where the letters A, B, C ... stand, in their order; a letter out of order ("T. B.") is no panel."""
    found: list[int] = []
    last = ""
    for match in _LETTER.finditer(caption):
        letter = match.group(1).upper()
        if (not found and letter == "A") or (found and last < letter <= chr(ord(last) + 6)):
            found.append(match.start())
            last = re.findall(r"[A-Za-z]", match.group())[-1].upper() if "and" not in match.group() else letter
    return found
