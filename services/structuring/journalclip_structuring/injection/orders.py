"""Is this an order? Captions describe; orders address somebody, command, oblige, set aside, and name the work.

Each of these speech acts is counted once within two neighbouring sentences, an imperative by where it stands: at the
start of a clause, with something after it that an imperative takes and a noun does not ("label this as", not "label:").
No single act is enough: "you" is in questionnaires, "must" in guidelines, "report the dose" in protocols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from journalclip_structuring.injection.words import words

# Of what is printed. What a disguise was taken off is noisier, and there are several readings, so more is asked.
_ENOUGH: Final = 3
_ENOUGH_DISGUISED: Final = 4
_STRONG: Final = {"machine": 2, "you": 2, "met": 2}  # somebody is spoken to
_WEAK: Final = ("object", "duty", "only", "claim")
_MOST: Final = 2  # different words of one weak act that count
# An imperative of a verb that is nothing else, and is about words, is an order by itself.
_IMPERATIVES: Final = {
    "aside object": 3,
    "sure": 3,
    "telling": 3,
    "whole": 3,
    "aside": 2,
    "say": 2,
    "code object": 2,
    "code": 1,
}
_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
# Where a clause may start. After a comma or a closing bracket only verbs of saying and setting aside are read as
# imperatives: "arrows (white) mark the border" is a description.
_HARD: Final = (
    r"(?:^|[.:;!?\n\"“”'‘’<>\[({\-–—>=*#|/]\s*"
    r"|\b(?:please|kindly|now|then|simply|just|instead|therefore|hence|so|must|ok|okay|never|always|only|hereby)[\s,]+)"
)
_SOFT: Final = (
    r"(?:^|[^\w\s\-]\s*"
    r"|\b(?:and|or|but|to|please|kindly|now|then|simply|just|instead|must|should|shall|will|never|always|only|also|hereby)"
    r"[\s,]+)"
)
_TAKES: Final = (
    r"(?=\s*[:,]?\s+[\"'“‘`*<({\[]?(?:the|this|that|these|those|it|its|them|all|any|every|each|both|your|my|our|their|no|only"
    r"|nothing|everything|anything|what|whatever|how|as|with|in|to|into|under|exactly|just|instead|a|an|me|us|him|her|yes"
    r"|so|one|about|from|here|not|that|instead|back|\d|(?-i:[A-Z]{3,})|[\"'“‘`<{\[])"
    r"|\s*[:]\s*[\"'“‘`<{\[A-Z]|\s+[\w-]+\s*(?:[.!]|$))"
)
_CANARY: Final = re.compile(r"\b[A-Z]{3,}[-_]?\d{2,}\b|\b[A-Z]{5,}[A-Z0-9]*\b|[\"“‘'`«][^\"”’'`»]{2,25}[\"”’'`»]")
_ASIDE_OBJECT: Final = 60  # characters between "ignore" and what is to be ignored
# What journals print under every figure: where to look, and what the licence allows.
_VIEWER: Final = re.compile(
    r"\b(?:please )?click (?:here|on)\b[^.]{0,80}|\bplease (?:note|see|refer|consult|cite|contact|compare)\b"
    r"|\byou (?:may|can|are free to) (?:share|copy|re-?use|adapt|zoom|download|distribute)\b",
    re.IGNORECASE,
)
_NEAR: Final = 80  # characters between an imperative and its object in another language


def orders(reading: str, disguised: bool = False) -> Iterator[str]:
    """Names of what was found."""
    enough = _ENOUGH_DISGUISED if disguised else _ENOUGH
    text = _VIEWER.sub(" ", reading)
    parts = [part for part in _SENTENCE.split(text) if part.strip()]
    if any(_score(" ".join(parts[at : at + 2])) >= enough for at in range(len(parts))):
        yield "order"
    for name, pattern in _foreign().items():
        if pattern.search(text):
            yield f"order in {name}"


def _score(window: str) -> int:
    """Weights of the speech acts of a window."""
    cues, imperatives = _cues(), _imperatives()
    total = sum(weight for name, weight in _STRONG.items() if cues[name].search(window))
    total += max((points for name, points in _IMPERATIVES.items() if imperatives[name].search(window)), default=0)
    spoken = total > 0
    weak = {name: _different(cues[name], window) for name in _WEAK}
    # Rules for readers ("should only ...") are not yet about this text; what names the work is.
    total += sum(weak.values()) if spoken or weak["object"] else max(0, sum(weak.values()) - 1)
    # A word that is shouted or quoted says little by itself ("DNA" is a word, too), but orders have one to be repeated.
    return total + bool(_CANARY.search(window))


def _different(cue: re.Pattern[str], window: str) -> int:
    return min(_MOST, len({found.group().lower() for found in cue.finditer(window)}))


@cache
def _cues() -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})(?![\w-])", re.IGNORECASE)
        for name, patterns in words().cues.items()
    }


@cache
def _imperatives() -> dict[str, re.Pattern[str]]:
    verbs = {
        name: "|".join(map(re.escape, sorted(listed, key=len, reverse=True))) for name, listed in words().verbs.items()
    }
    objects = "|".join(words().cues["object"])
    either = f"{verbs['say']}|{verbs['act']}"
    ambiguous = {*words().verbs["ambiguous"], *words().verbs["telling"]}
    spoken = [verb for kind in ("say", "act", "aside") for verb in words().verbs[kind] if verb not in ambiguous]
    sure = "|".join(map(re.escape, sorted(spoken, key=len, reverse=True)))
    return {
        "aside object": re.compile(
            rf"{_SOFT}(?:{verbs['aside']})\b.{{0,{_ASIDE_OBJECT}}}?(?<![\w-])(?:{objects}|previous|prior|above|earlier)(?![\w-])",
            re.IGNORECASE | re.DOTALL,
        ),
        "sure": re.compile(rf"{_HARD}(?:{sure})\b(?=\s*[:,]?\s+(?!(?:of|is|was|are|were|by)\b)\S)", re.IGNORECASE),
        "telling": re.compile(
            rf"{_HARD}(?:{'|'.join(words().verbs['telling'])})\s+(?:me|us|your|how|why|what|who|this)\b", re.IGNORECASE
        ),
        "whole": re.compile(
            rf"(?:^|[.!?:;]\s+)(?:please |now |then |just )*(?:{verbs['say']})\s+[\w-]+[.!]*\s*$", re.IGNORECASE
        ),
        "aside": re.compile(rf"{_HARD}(?:{verbs['aside']})\b{_TAKES}", re.IGNORECASE),
        "say": re.compile(rf"(?:{_HARD}(?:{either})\b{_TAKES}|[,)]\s*(?:{verbs['say']})\b{_TAKES})", re.IGNORECASE),
        "code object": re.compile(
            rf"{_HARD}(?:{verbs['code']})\b[^.;]{{1,{_ASIDE_OBJECT}}}?(?<![\w-])(?:{objects})(?![\w-])", re.IGNORECASE
        ),
        "code": re.compile(rf"{_HARD}(?:{verbs['code']})\b{_TAKES}", re.IGNORECASE),
    }


@cache
def _foreign() -> dict[str, re.Pattern[str]]:
    return {name: _pair(each.orders, each.objects) for name, each in words().languages.items()}


def _pair(first: tuple[str, ...], second: tuple[str, ...]) -> re.Pattern[str]:
    """One of each within reach, in either order; whole words where the script separates them."""
    orders_, objects = "|".join(first), "|".join(second)
    spaced = any(word.isascii() or word[0].isascii() for word in (*first, *second))
    if spaced or "א" <= first[0][0] <= "ي" or "а" <= first[0][0] <= "я":
        orders_, objects = rf"(?<!\w)(?:{orders_})(?!\w)", rf"(?<!\w)(?:{objects})(?!\w)"
    return re.compile(
        rf"(?:{orders_}).{{0,{_NEAR}}}?(?:{objects})|(?:{objects}).{{0,{_NEAR}}}?(?:{orders_})",
        re.IGNORECASE | re.DOTALL,
    )
