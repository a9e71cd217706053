"""Rules for reports: the baseline that a language model must beat, and the stand-in when one fails.

Sentence by sentence: a sentence that names a finding opens it; a later sentence without one (its sequences, signal,
size, enhancement) adds to the finding opened last; what stands before a colon belongs to what follows it. Sequences
named anywhere are the study's. Whatever needs more than neighbourhood (two findings in one sentence with different
sites) is where these rules go wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from journalclip_shared.records.report import SequenceName, Signal
from journalclip_structuring.context import read_context, sentences
from journalclip_structuring.pseudo.write import templates
from journalclip_structuring.study import MAX_FINDINGS, SEQUENCES, Study, StudyFinding
from journalclip_structuring.vocabulary import Match, vocabulary

_NUMBER: Final = r"(\d{1,3}(?:\.\d)?)"
_SIZE: Final = re.compile(rf"{_NUMBER}(?:\s*(?:x|×|by)\s*{_NUMBER})?(?:\s*(?:x|×|by)\s*{_NUMBER})?\s*(mm|cm)\b")
_RESTRICTED: Final = re.compile(r"restricted diffusion|diffusion restriction|diffusion is restricted", re.IGNORECASE)


@dataclass
class _Open:
    """A finding that later sentences may add to."""

    fields: dict[str, Any]
    on: dict[SequenceName, Signal | None] = field(default_factory=dict)


def read_report(text: str) -> Study:
    """The study that the rules read."""
    named: list[SequenceName] = []
    found: list[_Open] = []
    for sentence in _sentences(text):
        sequences = [cast("SequenceName", match.term) for match in vocabulary("report_sequence").find(sentence)]
        named += sequences
        opened = _openings(sentence)
        found += opened
        for target in opened or found[-1:]:
            if opened or not target.fields["negated"]:
                _add(target, sentence, sequences)
    findings = tuple(StudyFinding(**each.fields, on=each.on) for each in found[:MAX_FINDINGS])
    return Study(sequences=tuple(name for name in SEQUENCES if name in named), findings=findings)


def _sentences(text: str) -> Iterator[str]:
    """As `sentences`, but a colon ends none: "FLAIR: high signal." and "Right thalamus: an infarct." are one each."""
    begun: int | None = None
    for start, end in sentences(text):
        begun = start if begun is None else begun
        if not text[start:end].rstrip().endswith(":") or end == len(text):
            yield text[begun:end]
            begun = None


def _openings(sentence: str) -> list[_Open]:
    opened = []
    for match in vocabulary("report_finding").find(sentence):
        reading = read_context(sentence, match.start, match.end)
        opened.append(
            _Open({"term": match.term, "negated": reading.negated, "certainty": reading.certainty, **_place(sentence)})
        )
    return opened


def _place(sentence: str) -> dict[str, str | None]:
    site = _first(vocabulary("report_site").find(sentence))
    side = _first(vocabulary("report_laterality").find(sentence))
    return {"site": site, "laterality": side if site else None}


def _add(target: _Open, sentence: str, sequences: list[SequenceName]) -> None:
    signal = cast("Signal | None", _first(vocabulary("report_signal").find(sentence)))
    for sequence in sequences:
        target.on[sequence] = signal
    if target.fields["negated"]:
        return
    if _RESTRICTED.search(sentence):
        target.on |= {"DWI": "hyperintense", "ADC": "hypointense"}
    size = _SIZE.search(sentence)
    if size:
        *values, unit = size.groups()
        target.fields["size"] = "x".join(value for value in values if value) + unit
    shape = _first(vocabulary("report_shape").find(sentence))
    if shape:
        target.fields["shape"] = shape
    for name in ("enhancement", "mass_effect"):
        value = _phrase(name, sentence)
        if value:
            target.fields[name] = value
    count = _phrase("count", re.sub(_SIZE, "", sentence))
    if count and "count" not in target.fields:
        target.fields["count"] = "1" if count == "single" else count


def _phrase(table: str, sentence: str) -> str | None:
    """The value whose longest phrase the sentence holds ("no enhancement" before "enhancement")."""
    hits = [
        (len(phrase), value)
        for value, phrases in templates("words")[table].items()
        for phrase in phrases
        if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", sentence, re.IGNORECASE)
    ]
    return max(hits)[1] if hits else None


def _first(matches: list[Match]) -> str | None:
    return matches[0].term if matches else None
