"""Is a finding denied or hedged by the words around it? After NegEx and ConText: trigger phrases with a reach.

A trigger before a finding reaches forward to the end of its sentence, to a word that ends its reach ("but", "which"),
or to `REACH` words, whichever comes first; a trigger after a finding reaches back in the same way. "Not only" and the
like deny nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from journalclip_shared.records.caption import Certainty
from journalclip_structuring.vocabulary import Match, vocabulary

REACH = 10  # words; NegEx takes 5, but journal captions deny whole lists ("no oedema, shift or hydrocephalus")

_SENTENCE_END = re.compile(r"(?:(?<!\bvs)(?<!\bFig)[.;:!?]+(?=\s|$))|\n\s*\n")


@dataclass(frozen=True)
class Reading:
    """What the surroundings say of a finding."""

    negated: bool
    certainty: Certainty


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, which cover all of the text in order."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    bounds = [0, *ends, len(text)] if not ends or ends[-1] < len(text) else [0, *ends]
    return list(pairwise(bounds))


def read_context(sentence: str, start: int, end: int) -> Reading:
    """How ``sentence[start:end]`` is meant; offsets are within the sentence."""
    cues = vocabulary("context").find(sentence)
    denied, certainty = False, "certain"
    for cue in cues:
        if not _reaches(cue, start, end, sentence, cues):
            continue
        level, _, _ = cue.term.partition(" ")
        if level == "deny":
            denied = True
        elif level == "possible" or (level == "probable" and certainty == "certain"):
            certainty = level
    return Reading(denied, _CERTAINTY[certainty])


_CERTAINTY: dict[str, Certainty] = {"certain": "certain", "probable": "probable", "possible": "possible"}


def _reaches(cue: Match, start: int, end: int, sentence: str, cues: list[Match]) -> bool:
    level, _, side = cue.term.partition(" ")
    if level not in {"deny", "probable", "possible"}:
        return False
    if side == "before" and cue.end <= start:
        between = (cue.end, start)
    elif side == "after" and cue.start >= end:
        between = (end, cue.start)
    else:
        return False
    stopped = any(other.term == "end" and between[0] <= other.start < between[1] for other in cues)
    return not stopped and len(sentence[slice(*between)].split()) <= REACH
