"""A caption's lines as one text: words broken at line ends put together, labels and panel letters left as printed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from journalclip_extraction.captions.compounds import is_compound
from journalclip_extraction.captions.gather import Caption
from journalclip_sources.pdf.content import Page
from journalclip_sources.pdf.symbols import unshifted

_BROKEN = re.compile(r"([^\W\d_]{2,})[-‐­]$")
_HYPHENS = ("-", "‐", "\u00ad")
_TIGHT = ("-", "–", "/")  # after these the next line follows without a space ...
_LOOSE = (" -", " –", " /")  # ... unless they stand alone, as dashes
_IDENTIFIER = re.compile(r"\s*(?:\bdoi\s*:\s*|https?://(?:dx\.)?doi\.org/)10\.\d{4,9}/\S+\s*$", re.IGNORECASE)
_FIRST_WORD = re.compile(r"^([^\W\d_]+)")
_ADDRESS = re.compile(r"(?:https?://|www\.|\bdoi:)\S*$|\S+[/@]\S*\.\S*$", re.IGNORECASE)
_LEFT_OUT = frozenset(
    {"and", "or", "und", "oder", "et", "ou", "y", "o", "e", "en", "och", "og", "bzw", "to"}
)  # "left- and"
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def join_lines(texts: Sequence[str], words: Collection[str] = ()) -> str:
    """Join printed lines; ``words`` are the document's own (lower case), which say whether a hyphen was the word's."""
    parts: list[str] = []
    for text in texts:
        if parts:
            parts[-1], between = _joint(parts[-1], text, words)
            parts.append(between)
        parts.append(text)
    return "".join(parts).replace("\u00ad", "")


def _joint(last: str, text: str, words: Collection[str]) -> tuple[str, str]:
    """The end of one line as it stays, and what comes between it and the next."""
    if last.endswith("\u00ad"):
        return last[:-1], ""
    if _ADDRESS.search(last) and last.endswith(("-", "/", "_", ".", "‐")) and not text[:1].isspace():
        return last, "" if not last.endswith(".") or text[:1].islower() else " "
    if last.endswith(_HYPHENS) and (broken := _BROKEN.search(last)) and (start := _FIRST_WORD.match(text)):
        if start[1].lower() in _LEFT_OUT:
            return last, " "
        chained = last[: broken.start()].endswith("-")
        if start[1][0].islower() and not _keeps_hyphen(broken[1], start[1], words, chained):
            return last[:-1], ""
        return last, ""
    return last, "" if last.endswith(_TIGHT) and not last.endswith(_LOOSE) else " "


def without_identifier(text: str) -> str:
    """A caption without the figure's own DOI, which some journals print behind it."""
    return _IDENTIFIER.sub("", text)


def own_words(texts: Iterable[str]) -> frozenset[str]:
    """The words and hyphenated compounds of a document's lines, lower case, but for what a line end may have cut."""
    found: set[str] = set()
    for text in texts:
        whole = text.rsplit(" ", 1)[0] if text.endswith(_HYPHENS) else text
        found.update(_WORD.findall(whole.lower()))
    return frozenset(found)


def _keeps_hyphen(head: str, tail: str, words: Collection[str], chained: bool) -> bool:
    """The hyphen is the word's own: the document writes it so elsewhere, or compounds are made of these parts."""
    with_hyphen, without = f"{head}-{tail}".lower(), f"{head}{tail}".lower()
    if (with_hyphen in words) != (without in words):
        return with_hyphen in words
    return is_compound(head.lower(), tail.lower(), chained)


class Vocabulary:
    """A document's own words, found when a line end asks for them for the first time."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages

    @cached_property
    def words(self) -> frozenset[str]:
        return own_words(line.text for page in self._pages for line in page.lines)


def worded(caption: Caption, vocabulary: Vocabulary) -> str:
    """The caption's text without its label."""
    first, *rest = caption.lines
    texts = [first.text[_begin(caption) :].strip(), *(line.text for line in rest)]
    broken = any(text.endswith(_HYPHENS) for text in texts)
    text = join_lines(texts, vocabulary.words if broken else ())
    return without_identifier(unshifted(text)[0]).strip()


def _begin(caption: Caption) -> int:
    """Where the words begin: at the label's letter, where that names the first panel of what follows."""
    label = caption.candidate.label
    if not label.suffix_start or caption.candidate.own or len(label.suffix) > 1:
        return label.end
    follower = chr(ord(label.suffix) + 1)
    following = re.search(rf"(?:^|[.;,:]\s+|\s)[(\[]?{follower}[)\]:.]", caption.wording)
    return label.suffix_start if following else label.end


def is_doubtful(caption: Caption) -> bool:
    """A sign of it may be another than print shows."""
    return any(line.doubtful or "\ufffd" in line.text or unshifted(line.text)[1] for line in caption.lines)
