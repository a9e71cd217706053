"""Which sequence a series is: from what its header measures first, from what people called it second.

Confidence is stated and simple: an image type or acquisition contrast that names the sequence counts most, then times
that only one weighting has, then names. Header and name that agree add up; where they disagree the header wins and the
confidence says so. Below `ENOUGH` a series stays unrecognised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.header import SeriesFacts

ENOUGH = 0.5

_NAMES: tuple[tuple[str, SequenceName], ...] = (
    (r"adc|apparent", "ADC"),
    (r"dwi|diff|b ?1000|trace|ep2d_b", "DWI"),
    (r"swi|swan|suscept|venobold|hemo|t2 ?\*|t2star", "SWI"),
    (r"flair|dark.?fluid|\btirm\b", "FLAIR"),
    (r"t1.{0,12}(gd|\+ ?c|post|contrast|\bce\b|\bkm\b|gado)|(post|gd|contrast|ce).{0,12}t1|t1ce|t1c\b|t1gd", "T1CE"),
    (r"t1|mp-?rage|bravo|spgr|mp2rage|\btfl\b", "T1WI"),
    (r"t2|\btse\b|\bfse\b", "T2WI"),
)
# Names that are no sequence of ours, whatever else they hold.
_OTHER = re.compile(
    r"local|scout|survey|\bmra\b|\btof\b|perf|\bdsc\b|\basl\b|\bcbf\b|phase|mip\b|\bpd\b|fmri|bold_|calib|\bb0\b"
)


@dataclass(frozen=True)
class Recognised:
    """``by`` names the evidence, in words a reader can check."""

    sequence: SequenceName
    confidence: float
    by: str


def recognise(facts: SeriesFacts) -> Recognised | None:
    """None where the evidence is not enough."""
    name = _by_name(facts.words)
    if name is None and _OTHER.search(facts.words.lower()):
        return None
    header = _by_header(facts)
    if header is None:
        return None if name is None else Recognised(name, 0.6, "its name")
    if name is None:
        return header if header.confidence >= ENOUGH else None
    if name == header.sequence:
        return Recognised(name, round(min(0.99, header.confidence + 0.09), 2), f"{header.by} and its name")
    if {name, header.sequence} == {"T1WI", "T1CE"} and name == "T1CE":
        # Agents are often not entered; a name that claims contrast is seldom wrong.
        return Recognised("T1CE", 0.75, f"{header.by}; its name says contrast")
    confidence = round(header.confidence - 0.25, 2)
    found = Recognised(header.sequence, confidence, f"{header.by}; its name says {name}")
    return found if confidence >= ENOUGH else None


def _by_name(words: str) -> SequenceName | None:
    lower = words.lower()
    if _OTHER.search(lower):
        return None
    return next((sequence for pattern, sequence in _NAMES if re.search(pattern, lower)), None)


def _by_header(facts: SeriesFacts) -> Recognised | None:
    return _by_kind(facts) or _by_times(facts)


def _by_kind(facts: SeriesFacts) -> Recognised | None:
    kinds = facts.kinds
    if "ADC" in kinds:
        return Recognised("ADC", 0.95, "image type ADC")
    if facts.b_value is not None and facts.b_value >= 500:
        return Recognised("DWI", 0.9, f"b-value {facts.b_value:g}")
    if kinds & {"SWI", "MNIP"}:
        return Recognised("SWI", 0.9, "image type SWI")
    if kinds & {"DIFFUSION", "TRACEW"} and facts.b_value != 0:
        return Recognised("DWI", 0.85, "image type diffusion")
    if "FLUID_ATTENUATED" in kinds:
        return Recognised("FLAIR", 0.9, "acquisition contrast")
    if "T1" in kinds:
        return _t1(facts, 0.9, "acquisition contrast")
    if "T2" in kinds:
        return Recognised("T2WI", 0.9, "acquisition contrast")
    return None


def _by_times(facts: SeriesFacts) -> Recognised | None:
    te, tr, ti = facts.te, facts.tr, facts.ti
    if te is None or tr is None or facts.b_value == 0 or "EP" in facts.scanning:
        return None
    if ti is not None and ti >= 1400 and te >= 60:
        return Recognised("FLAIR", 0.88, f"TI {ti:g}, TE {te:g} ms")
    gradient = "GR" in facts.scanning and "SE" not in facts.scanning
    if gradient and te >= 14:
        return Recognised("SWI", 0.7, f"gradient echo, TE {te:g} ms")
    if ti is not None and 400 <= ti < 1400 and te < 50:
        return _t1(facts, 0.85, f"TI {ti:g}, TE {te:g} ms")
    if te < 30 and (tr < 1000 or gradient):
        return _t1(facts, 0.85, f"TR {tr:g}, TE {te:g} ms")
    if te >= 60 and tr >= 1500:
        return Recognised("T2WI", 0.8, f"TR {tr:g}, TE {te:g} ms")
    return None


def _t1(facts: SeriesFacts, confidence: float, by: str) -> Recognised:
    if facts.contrast_agent:
        return Recognised("T1CE", confidence, f"{by}, contrast agent")
    return Recognised("T1WI", confidence, by)
