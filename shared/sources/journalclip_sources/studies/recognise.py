"""Which sequence a series is: from what its header measures first, from what people called it second.

Confidence is stated and simple: an image type or acquisition contrast that names the sequence counts most, then times
that only one weighting has, then names. Header and name that agree add up; where they disagree the header wins and the
confidence says so. A name that says what a series is besides the seven (angiography, phase, a map) is believed whatever
the times are: those weightings have the times of ordinary sequences. Below `ENOUGH` a series stays unrecognised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.header import SeriesFacts
from journalclip_sources.studies.sequence_names import NameRead, read_name

ENOUGH = 0.5
WEIGHTED = 500.0  # s/mm2 from which a volume is diffusion-weighted
_HEAD = (
    "HEAD",
    "BRAIN",
    "SKULL",
    "CRANI",
    "CEREB",
    "CABEZA",
    "CABECA",
    "KOPF",
    "TETE",
    "NEURO",
    "PITUI",
    "SELLA",
    "IAC",
    "头",
    "颅",
    "脑",
)
_OTHER_KINDS = {
    "P": "a phase picture", "PHASE": "a phase picture", "PHASE MAP": "a phase picture", "R": "a real or imaginary part",
    "I": "a real or imaginary part", "REAL": "a real or imaginary part", "IMAGINARY": "a real or imaginary part",
    "FAT": "the fat picture of a Dixon scan", "F": "the fat picture of a Dixon scan",
    "OPP_PHASE": "the opposed-phase picture of a Dixon scan", "OUT_PHASE": "the opposed-phase picture of a Dixon scan",
    "OPPOSED_PHASE": "the opposed-phase picture of a Dixon scan", "OP": "the opposed-phase picture of a Dixon scan",
    "FAT_FRACTION": "a fat fraction", "MNIP": "a projection", "MINIP": "a projection", "MIN IP": "a projection",
    "MIP": "a projection", "MAXIP": "a projection", "PROJECTION IMAGE": "a projection", "MAX_IP": "a projection",
    "MIN_IP": "a projection", "FA": "a map computed from diffusion", "EADC": "a map computed from diffusion",
    "EXP_ADC": "a map computed from diffusion", "TENSOR": "a map computed from diffusion",
    "FIELD_MAP": "a map", "B0 MAP": "a map", "T1 MAP": "a map", "T2 MAP": "a map", "T2_STAR MAP": "a map",
    "VELOCITY": "angiography", "VELOCITY MAP": "angiography", "SUBTRACT": "a subtraction", "SUB": "a subtraction",
    "SUBTRACTION": "a subtraction",
    "TOF": "angiography", "TIME_OF_FLIGHT": "angiography", "FLOW_ENCODED": "angiography", "ANGIO": "angiography",
    "PERFUSION": "perfusion", "ASL": "perfusion", "CBF": "perfusion", "CBV": "perfusion", "MTT": "perfusion",
    "TTP": "perfusion", "FMRI": "functional imaging", "PROTON_DENSITY": "proton density",
    "LOCALIZER": "a localizer", "B0": "diffusion at b = 0",
}  # fmt: skip


@dataclass(frozen=True)
class Recognised:
    """``by`` names the evidence, in words a reader can check."""

    sequence: SequenceName
    confidence: float
    by: str


def recognise(facts: SeriesFacts) -> Recognised | None:
    """None where the evidence is not enough, or says that it is none of the seven; `why_not` has the words."""
    if other_than_ours(facts) is not None:
        return None
    name = _name(facts)
    header = _by_header(facts)
    if name.sequence == "ADC" and (header is None or header.sequence in ("DWI", "T2WI", "FLAIR", "SWI", "ADC")):
        certain = header is not None and header.sequence == "ADC"
        return Recognised("ADC", 0.99 if certain else 0.6, "image type ADC and its name" if certain else "its name")
    found = _contrasted(_named(name), facts, name)
    if header is None:
        if found is None or (name.sequence == "DWI" and facts.b_value is not None and facts.b_value < WEIGHTED):
            return None
        return found
    header = _contrasted(header, facts, name) or header
    if found is None:
        return header if header.confidence >= ENOUGH else None
    if found.sequence == header.sequence:
        return Recognised(header.sequence, round(min(0.99, header.confidence + 0.09), 2), f"{header.by} and its name")
    if found.sequence == "FLAIR" and header.sequence == "T2WI" and facts.ti is None:
        return Recognised("FLAIR", 0.75, f"its name; {header.by} fits")
    if header.sequence == "T1WI" and found.sequence == "SWI" and "SE" not in facts.scanning:
        return Recognised("SWI", 0.6, "its name")
    confidence = round(header.confidence - 0.25, 2)
    words = Recognised(header.sequence, confidence, f"{header.by}; its name says {found.sequence}")
    return words if confidence >= ENOUGH else None


def why_not(facts: SeriesFacts) -> str:
    """The reason for a None of `recognise`, in words, without a value of the header."""
    other = other_than_ours(facts)
    if other is not None:
        return f"it is {other}, none of the seven sequences"
    if facts.b_value is not None and facts.b_value < WEIGHTED:
        return "its b-value is below 500 s/mm2"
    return "neither header nor name says which sequence it is"


def other_than_ours(facts: SeriesFacts) -> str | None:
    """What a series is besides the seven, where header or name say so."""
    part = facts.body_part.upper()
    if part and not any(each in part for each in _HEAD):
        return "another part of the body"
    kinds = facts.kinds - {"ADC"} if facts.scanning & {"SE"} else facts.kinds
    named = next((_OTHER_KINDS[each] for each in sorted(kinds) if each in _OTHER_KINDS), None)
    if named is not None:
        return named
    if facts.b_value == 0 and "ADC" not in facts.kinds and _name(facts).sequence != "ADC":
        return "diffusion at b = 0"
    return _name(facts).other


def _name(facts: SeriesFacts) -> NameRead:
    """Of the description, else the protocol (which may be named after a whole examination), else the pulse sequence."""
    contrast = None
    for words in facts.words.split(" | "):
        read = read_name(words, facts.te, facts.ti)
        contrast = contrast or read.contrast
        if read.sequence is not None or read.other is not None:
            return replace(read, contrast=read.contrast or contrast)
    return NameRead(contrast=contrast)


def _named(name: NameRead) -> Recognised | None:
    return None if name.sequence is None else Recognised(name.sequence, 0.6, "its name")


def _contrasted(found: Recognised | None, facts: SeriesFacts, name: NameRead) -> Recognised | None:
    """A plain T1 becomes one after contrast by its name or the header's agent; a name that denies an agent wins."""
    if found is None or found.sequence not in ("T1WI", "T1CE"):
        return found
    if name.contrast == "with":
        # Agents are often not entered; a name that claims contrast is seldom wrong.
        sure = found.confidence if facts.contrast_agent else min(found.confidence, 0.75)
        return Recognised("T1CE", sure, f"{found.by}; its name says contrast" if found.by != "its name" else found.by)
    if facts.contrast_agent and name.contrast != "without":
        return Recognised("T1CE", found.confidence, f"{found.by}, contrast agent")
    if facts.contrast_agent:
        return Recognised("T1WI", min(found.confidence, 0.6), f"{found.by}; its name says before contrast")
    return Recognised("T1WI", found.confidence, found.by)


def _by_header(facts: SeriesFacts) -> Recognised | None:
    return _by_kind(facts) or _by_times(facts)


def _by_kind(facts: SeriesFacts) -> Recognised | None:
    kinds = facts.kinds
    if "ADC" in kinds:
        return Recognised("ADC", 0.95, "image type ADC")
    if facts.b_value is not None and facts.b_value >= WEIGHTED:
        return Recognised("DWI", 0.9, f"b-value {facts.b_value:g}")
    if kinds & {"SWI", "SUSCEPTIBILITY", "T2_STAR"}:
        return Recognised("SWI", 0.9, "image type SWI")
    if kinds & {"DIFFUSION", "TRACEW", "ISOTROPIC"} and facts.b_value is None:
        return Recognised("DWI", 0.85, "image type diffusion")
    if "FLUID_ATTENUATED" in kinds:
        return Recognised("FLAIR", 0.9, "acquisition contrast")
    if "T1" in kinds:
        return Recognised("T1WI", 0.9, "acquisition contrast")
    if "T2" in kinds:
        return Recognised("T2WI", 0.9, "acquisition contrast")
    return None


def _by_times(facts: SeriesFacts) -> Recognised | None:
    te, tr, ti = facts.te, facts.tr, facts.ti
    if te is None or tr is None or facts.b_value is not None or "EP" in facts.scanning:
        return None
    if ti is not None and ti >= 1400 and te >= 60:
        return Recognised("FLAIR", 0.88, f"TI {ti:g}, TE {te:g} ms")
    # No spin echo has so short a repetition time.
    gradient = ("GR" in facts.scanning and "SE" not in facts.scanning) or (not facts.scanning and tr < 100)
    if gradient and te >= 14:
        return Recognised("SWI", 0.7, f"gradient echo, TE {te:g} ms")
    if ti is not None and 400 <= ti < 1400 and te < 50:
        return Recognised("T1WI", 0.85, f"TI {ti:g}, TE {te:g} ms")
    if te < 30 and (tr < 1000 or gradient):
        # Time-of-flight angiography has these times too: by themselves they do not say which one it is.
        sure = 0.45 if gradient and 14 < tr < 50 and te < 9 and ti is None else 0.85
        return Recognised("T1WI", sure, f"TR {tr:g}, TE {te:g} ms")
    if te >= 60 and tr >= 1500 and (ti is None or ti >= 400):
        return Recognised("T2WI", 0.8, f"TR {tr:g}, TE {te:g} ms")
    return None
