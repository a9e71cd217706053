"""Which words of a text are denied: "no midline shift", "fracture was ruled out".

The idea is NegEx (Chapman et al. 2001, J Biomed Inform 34:301): trigger phrases before or after a finding deny a few
words within the clause, phrases that only look like triggers ("no change in", "not only") deny nothing, and
conjunctions end the reach. A comma ends it too, unless an "or" further on shows that a list goes on: "no shift, mass
effect or oedema".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from journalclip_inference.analysis.lists import Phrases, phrases
from journalclip_inference.analysis.lists import words as listed
from journalclip_inference.analysis.tokens import Word

_PSEUDO = phrases("negation", "pseudo")
_BEFORE = phrases("negation", "before")
_AFTER = phrases("negation", "after")
_ENDS = frozenset(listed("negation", "ends"))
_JOINS = frozenset(listed("negation", "joins"))
_FIRST = frozenset().union(_PSEUDO, _BEFORE, _AFTER)  # words that a phrase begins with
_REACH = 6  # words that one trigger denies at most; a list starts the count anew with each item
_BACK = 5  # words before a trigger that follows what it denies
_HAN = re.compile(r"未见|未發現|未发现|没有|沒有|不伴|[无無未]")
_HAN_ENDS = re.compile(r"[，,。；;、]|但|可见|伴有")


def denials(words: Sequence[Word], text: str) -> tuple[list[bool], list[bool]]:
    """Two flags a word: is it denied, and is it (part of) a phrase that denies."""
    denied, trigger = [False] * len(words), [False] * len(words)
    at = 0
    while at < len(words):
        if words[at].text not in _FIRST:
            at += 1
        elif length := _at(_PSEUDO, words, at):
            at += length
        elif length := _at(_AFTER, words, at):
            _set(trigger, range(at, at + length))
            _set(denied, _backwards(words, at, trigger))
            at += length
        elif (length := _at(_BEFORE, words, at)) and not _counts(words, at):
            _set(trigger, range(at, at + length))
            follows = at + length < len(words) and words[at + length].clause == words[at].clause
            _set(denied, _forwards(words, at + length) if follows else _backwards(words, at, trigger))
            at += length
        else:
            at += 1
    for match in () if text.isascii() else _HAN.finditer(text):
        end = _HAN_ENDS.search(text, match.end())
        stop = end.start() if end else len(text)
        _set(trigger, (n for n, word in enumerate(words) if word.start < match.end() and word.end > match.start()))
        _set(denied, (n for n, word in enumerate(words) if match.end() <= word.start < stop))
    return denied, trigger


def _set(flags: list[bool], positions: Iterable[int]) -> None:
    for n in positions:
        flags[n] = True


def _at(known: Phrases, words: Sequence[Word], at: int) -> int:
    """Length of the longest phrase that starts here, within one clause; 0 where none does."""
    for phrase in known.get(words[at].text, ()):
        here = words[at : at + len(phrase)]
        if tuple(word.text for word in here) == phrase and here[-1].clause == words[at].clause:
            return len(phrase)
    return 0


def _counts(words: Sequence[Word], at: int) -> bool:
    """ "No. 3", "case no 12": a number, not a denial."""
    return words[at].text == "no" and at + 1 < len(words) and words[at + 1].text.isdigit()


def _forwards(words: Sequence[Word], start: int) -> Iterable[int]:
    left = _REACH
    for n in range(start, len(words)):
        word = words[n]
        if left == 0 or word.clause != words[start].clause or word.text in _ENDS:
            return
        if word.comma and n > start:
            if not _goes_on(words, n):
                return
            left = _REACH
        if word.text in _JOINS:
            left = _REACH
            continue
        left -= 1
        yield n


def _goes_on(words: Sequence[Word], at: int) -> bool:
    """Whether a list that is denied goes on behind this comma: an "or" comes before anything that ends it."""
    for word in words[at : at + 2 * _REACH]:
        if word.clause != words[at].clause or word.text in _ENDS or word.text in ("and", "und", "y", "et"):
            return False
        if word.text in _JOINS:
            return True
    return False


def _backwards(words: Sequence[Word], start: int, trigger: Sequence[bool]) -> Iterable[int]:
    for n in range(start - 1, max(-1, start - 1 - _BACK), -1):
        if words[n].clause != words[start].clause or trigger[n] or words[n].text in _ENDS - {"of"}:
            return
        yield n
        if words[n].comma:
            return


TRIGGERS = frozenset(
    word for known in (_PSEUDO, _BEFORE, _AFTER) for each in known.values() for phrase in each for word in phrase
)
