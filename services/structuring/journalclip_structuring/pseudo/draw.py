"""Random studies, drawn so that every term of every vocabulary comes up and combinations stay anatomically possible."""

from __future__ import annotations

from random import Random
from typing import Final, TypeVar, get_args

from journalclip_shared.records.caption import Certainty, Laterality
from journalclip_shared.records.report import Enhancement, MassEffect, SequenceName, Shape, Signal
from journalclip_structuring.report_record import SEQUENCES
from journalclip_structuring.study import SIGNALS, Study, StudyFinding
from journalclip_structuring.vocabulary import vocabulary

_T = TypeVar("_T")

# Sites that have no side; all other sites of the vocabulary come in pairs.
MIDLINE_SITES: Final = frozenset(
    {"pons", "midbrain", "medulla", "vermis", "corpus callosum", "sella", "pineal region", "third ventricle",
     "fourth ventricle", "falx"}
)  # fmt: skip
# Findings of the brain as a whole: they have neither site, side, shape nor signal of their own.
GLOBAL_FINDINGS: Final = frozenset({"hydrocephalus", "midline shift", "atrophy"})
_MASS_EFFECTS: Final[tuple[MassEffect, ...]] = get_args(MassEffect)
_ENHANCEMENTS: Final[tuple[Enhancement, ...]] = get_args(Enhancement)
_SIDES: Final[tuple[Laterality, ...]] = ("left", "right", "left", "right", "bilateral")


def draw_study(rng: Random, most: int = 3) -> Study:
    """One study: two to six sequences, up to ``most`` findings, as many denials, no term twice.

    The default is the task; with less the studies are shorter, for the first lessons of a model.
    """
    sequences = tuple(sorted(rng.sample(SEQUENCES, rng.randint(2, 2 * most)), key=SEQUENCES.index))
    terms = rng.sample(list(vocabulary("report_finding").terms), 6)
    many = rng.choice([count for count in (0, 1, 1, 1, 2, 2, 3) if count <= most])
    present = [_present(rng, terms.pop(), sequences) for _ in range(many)]
    none = rng.choice([count for count in (0, 0, 1, 1, 2, 3) if count <= most])
    denied = [_denied(rng, terms.pop(), sequences) for _ in range(none)]
    return Study(sequences=sequences, findings=tuple(present + denied))


def _present(rng: Random, term: str, sequences: tuple[SequenceName, ...]) -> StudyFinding:
    certainty: Certainty = rng.choice(("certain", "certain", "certain", "probable", "possible"))
    if term in GLOBAL_FINDINGS:
        return StudyFinding(term=term, certainty=certainty)
    site, side = _place(rng)
    shown = rng.sample(sequences, rng.randint(1, min(4, len(sequences))))
    on: dict[SequenceName, Signal | None] = {
        sequence: rng.choice((*SIGNALS, *SIGNALS, None)) for sequence in sequences if sequence in shown
    }
    if {"DWI", "ADC"} <= on.keys() and rng.random() < 0.5:
        on |= {"DWI": "hyperintense", "ADC": "hypointense"}
    if rng.random() < 0.08 or (len(on) == len(sequences) and not any(on.values())):
        on = {}  # "seen on all of them, no signal given" has one form only
    enhances = "T1CE" in on or (not on and "T1CE" in sequences)
    return StudyFinding(
        term=term,
        certainty=certainty,
        laterality=side,
        site=site,
        count=rng.choice((None, None, None, None, "1", "2", "3", "4", "5", "multiple", "multiple")),
        size=_size(rng) if rng.random() < 0.5 else None,
        shape=rng.choice(get_args(Shape)) if rng.random() < 0.4 else None,
        mass_effect=_one_of(rng, _MASS_EFFECTS, 0.25),
        enhancement=_one_of(rng, _ENHANCEMENTS, 0.7) if enhances else None,
        on=on,
    )


def _denied(rng: Random, term: str, sequences: tuple[SequenceName, ...]) -> StudyFinding:
    how = rng.random()
    if how < 0.6 or term in GLOBAL_FINDINGS:
        return StudyFinding(term=term, negated=True)
    if how < 0.85:
        return StudyFinding(term=term, negated=True, on={rng.choice(sequences): None})
    site, side = _place(rng)
    return StudyFinding(term=term, negated=True, site=site, laterality=side)


def _place(rng: Random) -> tuple[str, Laterality | None]:
    site = rng.choice(list(vocabulary("report_site").terms))
    if site in MIDLINE_SITES:
        return site, None
    return site, rng.choice(_SIDES) if rng.random() < 0.9 else None


def _size(rng: Random) -> str:
    axes = rng.choice((1, 2, 2, 3))
    if rng.random() < 0.6:
        return "x".join(str(rng.randint(2, 60)) for _ in range(axes)) + "mm"
    return "x".join(f"{rng.randint(2, 69) / 10:g}" for _ in range(axes)) + "cm"


def _one_of(rng: Random, values: tuple[_T, ...], chance: float) -> _T | None:
    return rng.choice(values) if rng.random() < chance else None
