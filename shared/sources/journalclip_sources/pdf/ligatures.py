"""A ligature that many files lose: Adobe's Th, which comes out as a lone T ("Te sequences are included").

No text says so but the document's own: one that writes "Te" again and again and never "The" has lost it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from journalclip_sources.pdf.content import Page

_LOST = re.compile(
    r"\bT(?=(?:e|is|at|us|ese|ose|ey|ere|eir|ese|erefore|rough|roughout|ree|ird|irty|orax|alamus|yroid)\b)"
)
_WHOLE = re.compile(r"\bTh[eioau]")
_TE = re.compile(r"\bTe\b")
_ENOUGH = 3


def mend_ligatures(pages: Sequence[Page]) -> None:
    """Put the lost h back, in place, where the document has lost it throughout."""
    lines = [line for page in pages for line in page.lines if "T" in line.text]
    if sum(_TE.search(line.text) is not None for line in lines) < _ENOUGH:
        return
    if any(_WHOLE.search(line.text) for line in lines if not line.bold):
        broken = _fonts_without(pages)
        lines = [line for line in lines if line.font in broken]
    for line in lines:
        line.text = _LOST.sub("Th", line.text)


def _fonts_without(pages: Sequence[Page]) -> frozenset[str]:
    """Fonts that set "Te" but never "The"."""
    lost, whole = set[str](), set[str]()
    for page in pages:
        for line in page.lines:
            if _TE.search(line.text):
                lost.add(line.font)
            if _WHOLE.search(line.text):
                whole.add(line.font)
    return frozenset(lost - whole)
