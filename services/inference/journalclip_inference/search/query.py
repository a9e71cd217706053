"""What a reader typed, taken apart: things to look up exactly, quoted phrases, words to leave out, and the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from journalclip_shared.text import clean

_DOI = re.compile(r"(?:https?://)?(?:dx\.)?(?:doi\.org/)?(?:doi:\s*)?(10\.\d{4,9}/[^\s\"<>]+)", re.I)
_ID = re.compile(r"\b(?:pair|fig|pan|art|std|pat)_[0-9a-z]{6,60}\b", re.I)
_FILE = re.compile(r"\S+\.pdf\b", re.I)
_QUOTED = re.compile(
    r"(?<!\w)(-?)[\"\u201c\u201d\u201e\u00ab\u00bb]([^\"\u201c\u201d\u201e\u00ab\u00bb]+)[\"\u201c\u201d\u201e\u00ab\u00bb]"
)
_MINUS = re.compile(r"(?:^|(?<=\s))[-\u2212](?=[^\W\d_])(\S+)")
_BROKEN = re.compile(r"(?<=[a-z])-[ \t]*\r?\n[ \t]*(?=[a-z])")


@dataclass(frozen=True)
class Typed:
    """A query taken apart. ``rest`` is what remains to be read as words."""

    text: str
    rest: str
    dois: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def looked_up(self) -> bool:
        """Whether it names things by what identifies them."""
        return bool(self.dois or self.ids or self.files)


def cleaned(text: str) -> str:
    """As captions are cleaned when they are read from a page, so that a pasted caption is the caption. A word that
    was broken at the end of a line is put together first."""
    return clean(_BROKEN.sub("", text))


def typed(text: str) -> Typed:
    """Take a query apart."""
    text = cleaned(text)
    dois = tuple(dict.fromkeys(found.group(1).rstrip(".,;:)]}'").lower() for found in _DOI.finditer(text)))
    rest = _DOI.sub(" ", text)
    ids = tuple(dict.fromkeys(found.group().lower() for found in _ID.finditer(rest)))
    rest = _ID.sub(" ", rest)
    files = tuple(dict.fromkeys(found.group().lower() for found in _FILE.finditer(rest)))
    rest = _FILE.sub(" ", rest)
    phrases = tuple(found.group(2).strip() for found in _QUOTED.finditer(rest) if not found.group(1))
    without = [found.group(2).strip() for found in _QUOTED.finditer(rest) if found.group(1)]
    rest = _QUOTED.sub(" ", rest)
    without += [found.group(1) for found in _MINUS.finditer(rest)]
    rest = " ".join(_MINUS.sub(" ", rest).split())
    return Typed(text, rest, dois, ids, files, tuple(filter(None, phrases)), tuple(filter(None, without)))
