"""Is a finding denied, hedged or only mentioned by the words around it? After NegEx and ConText.

A cue is a phrase of the vocabulary `context` with a role. Cues before a finding reach forward, cues after it back;
`reach` follows both through lists, complements and clauses. Of two cues that overlap the longer one counts, so that
"not only" and "not without" deny nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

from journalclip_shared.records.caption import Certainty
from journalclip_structuring.reach import Cue, reaches
from journalclip_structuring.vocabulary import source_text

_SENTENCE_END = re.compile(
    r"(?:(?<!\bvs)(?<!\bFig)(?<!\bLt)(?<!\bRt)(?<!\b[Nn]o)(?<!\bi\.e)(?<!\be\.g)(?<!\bapprox)[.;!?]+(?=\s|$)"
    r"(?!(?<=\?)\s+(?i:none|no|nil|yes|absent|present|negative|positive)\s*[.;,]))|\n\s*\n"
)
_ABSENCE: Final = re.compile(r"(?:in )?(?:the )?(absence|lack|resolution|disappearance)\b")
_HEDGES: Final[Mapping[str, Certainty]] = {"probable": "probable", "possible": "possible"}


@dataclass(frozen=True)
class Reading:
    """What the surroundings say of a finding. ``mentioned``: it is spoken of, and neither affirmed nor denied."""

    negated: bool
    certainty: Certainty
    mentioned: bool = False


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, which cover all of the text in order. A colon ends none: "Haemorrhage: none"."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    bounds = [0, *ends, len(text)] if not ends or ends[-1] < len(text) else [0, *ends]
    return list(pairwise(bounds))


def read_context(sentence: str, start: int, end: int) -> Reading:
    """How ``sentence[start:end]`` is meant; offsets are within the sentence."""
    negated = mentioned = False
    certainty: Certainty = "certain"
    for cue in cues(sentence):
        level = cue.role.partition(" ")[0]
        if level in {"affirm", "none"} or not reaches(cue, start, end, sentence):
            continue
        if level == "deny" and _denied_itself(cue, sentence):
            certainty = "possible"
        elif level == "deny":
            negated = True
            certainty = "probable" if cue.role in {"deny doubtful", "deny unlikely"} else certainty
        elif level == "mention":
            mentioned = True
        elif certainty != "possible":
            certainty = _HEDGES[level]
    return Reading(negated, certainty, mentioned and not negated)


def _denied_itself(cue: Cue, sentence: str) -> bool:
    """ "Absence of hemorrhage could not be confirmed": the absence is denied or in doubt."""
    head = _ABSENCE.match(cue.words)
    return head is not None and any(
        other.role in {"deny after", "possible after"}
        and reaches(other, cue.start + head.start(1), cue.start + head.end(1), sentence)
        for other in cues(sentence)
    )


@lru_cache(maxsize=512)
def cues(sentence: str) -> tuple[Cue, ...]:
    """The cues of a sentence from left to right; none overlaps another."""
    found = [
        Cue(role, match.start(), match.end(), match.group().lower())
        for role, pattern in _patterns()
        for match in pattern.finditer(sentence)
    ]
    kept: list[Cue] = []
    for cue in sorted(found, key=lambda each: (each.start - each.end, each.start, "after" not in each.role)):
        if all(cue.end <= other.start or cue.start >= other.end for other in kept):
            kept.append(cue)
    return tuple(sorted(kept, key=lambda each: each.start))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """One pattern a phrase, so that each finds its own longest match."""
    content = tomllib.loads(source_text("context"))
    words = {name: f"(?:{'|'.join(alternatives)})" for name, alternatives in content["words"].items()}
    return tuple((role, _pattern(phrase, words)) for role, phrases in content["cues"].items() for phrase in phrases)


def _pattern(phrase: str, words: Mapping[str, str]) -> re.Pattern[str]:
    written = phrase
    for name, alternative in words.items():
        written = written.replace(f"{{{name}}}", alternative)
    before = r"(?<![^\W_])" if re.match(r"[\w(]", phrase) else ""
    return re.compile(rf"{before}(?:{written})(?:(?<!\w)|(?!\w))", re.IGNORECASE)  # no cue ends within a word
