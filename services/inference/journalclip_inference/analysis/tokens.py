"""Cutting text into words, with where each stands, and into the marks that end a clause.

A hyphen ends a word ("T1-weighted" is two), except after a prefix that is no word of its own ("post-operative",
"sub-dural"). Text without spaces (Chinese) is cut into pairs of neighbouring characters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from journalclip_inference.analysis.folding import INVISIBLE, fold_word
from journalclip_inference.analysis.languages import HAN, is_han
from journalclip_inference.analysis.lists import words

_WORD = re.compile(
    rf"[^\W_](?:[^\W_]|[{INVISIBLE}])*(?:['\u2019][^\W_]+)?|[.,;:!?()\[\]/&\u3001\u3002\uff0c\uff1b\uff1a-]|[\u2010-\u2015\u2212]"
)
_RUNS = re.compile(f"[{HAN}]+|[^{HAN}]+")
_HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212")
_ENDS = frozenset(".;:!?\u3002\uff1b\uff1a")
_PREFIXES = frozenset(words("prefixes", "joined"))
_LOOSE = frozenset(words("prefixes", "loose"))


class Word(NamedTuple):
    """A word of a text: folded, with where it stands and how it was written."""

    text: str
    start: int
    end: int
    clause: int = 0  # number of the clause; a comma stays within
    capitals: bool = False
    comma: bool = False  # a comma stands before it
    gap: bool = False  # Chinese: not the first pair of its run


def words_of(text: str) -> list[Word]:
    """The words of a text in order."""
    found: list[Word] = []
    clause, comma, joins = 0, False, False
    for match in _WORD.finditer(text):
        piece = match.group()
        if piece in _HYPHENS:
            joins = bool(found) and found[-1].end == match.start() and text[match.end() : match.end() + 1].isalnum()
            continue
        if not piece[0].isalnum():
            if piece in _ENDS and not _decimal(text, match.start()):
                clause += 1
            comma = comma or piece in ",\uff0c\u3001"
            joins = False
            continue
        made = _made(piece, match.start(), clause, comma)
        if found and made and (joins or _loose(found[-1], made[0])) and _prefix(found[-1], made[0]):
            before = found.pop()
            made[0] = made[0]._replace(
                text=fold_word(before.text + made[0].text), start=before.start, comma=before.comma
            )
        found.extend(made)
        comma, joins = False, False
    return found


def _made(piece: str, start: int, clause: int, comma: bool) -> list[Word]:
    if not piece.isascii() and any(map(is_han, piece)):
        return _pairs(piece, start, clause, comma)
    folded = fold_word(_bare(piece))
    capitals = piece.isupper() and sum(map(str.isalpha, piece)) > 1
    return [Word(folded, start, start + len(piece), clause, capitals, comma)] if folded else []


def _bare(piece: str) -> str:
    """Without a genitive's or a contraction's apostrophe: "Baker's" is "Baker"."""
    if "'" not in piece and "\u2019" not in piece:
        return piece
    whole = piece.replace("\u2019", "'")
    return whole[:-2] if whole.endswith("'s") else whole.replace("'", "")


def _pairs(piece: str, start: int, clause: int, comma: bool) -> list[Word]:
    """Neighbouring characters of a run, two by two; a run of one stays; other scripts within it are words."""
    found: list[Word] = []
    for run in _RUNS.finditer(piece):
        part, at = run.group(), start + run.start()
        if not is_han(part[0]):
            found.append(Word(fold_word(part), at, at + len(part), clause, part.isupper(), comma and not found))
            continue
        for n in range(max(1, len(part) - 1)):
            end, first = at + min(n + 2, len(part)), comma and not found
            found.append(Word(part[n : n + 2], at + n, end, clause, False, first, n > 0))
    return found


def _decimal(text: str, at: int) -> bool:
    """A point between digits ("1.5 T") ends nothing."""
    between = 0 < at < len(text) - 1 and text[at - 1].isdigit() and text[at + 1].isdigit()
    return text[at] == "." and between


def _prefix(before: Word, after: Word) -> bool:
    return before.text in _PREFIXES and len(after.text) >= 3 and after.text.isalpha() and before.clause == after.clause


def _loose(before: Word, after: Word) -> bool:
    return before.text in _LOOSE and not after.comma and after.start - before.end == 1
