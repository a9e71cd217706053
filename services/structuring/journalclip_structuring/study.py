"""A report's content in its shortest form: each finding once, with the sequences that show it.

`ReportRecord` says everything per sequence, since that is what an image is paired with; a language model writes, and
the generator draws, this form, in which nothing is said twice. `to_record` and `from_record` translate without loss
(spans aside). As JSON it has one-letter keys, a fixed key order and no spaces, so that an answer is few tokens.
A finding with no sequence of its own (``on`` empty) holds for all of them: "No hydrocephalus."
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from journalclip_shared.records.caption import Certainty, Laterality
from journalclip_shared.records.report import (
    Enhancement,
    MassEffect,
    ReportFinding,
    ReportRecord,
    SequenceName,
    Shape,
    Signal,
    Size,
    WholeFinding,
)
from journalclip_structuring.report_record import SEQUENCES, make_record
from journalclip_structuring.vocabulary import Match, vocabulary

SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)
MAX_FINDINGS: Final = 12  # a report names fewer; the cap bounds what a model can write
_SIZE = re.compile(r"(\d{1,3}(?:\.\d)?)(?:x(\d{1,3}(?:\.\d)?))?(?:x(\d{1,3}(?:\.\d)?))?(mm|cm)")


class StudyFinding(BaseModel):
    """One finding; a key that is absent means that the report does not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    term: str = Field(alias="t")
    negated: bool = Field(False, alias="n")
    certainty: Certainty = Field("certain", alias="c")
    laterality: Laterality | None = Field(None, alias="l")
    site: str | None = Field(None, alias="s")
    count: str | None = Field(None, alias="k")
    size: str | None = Field(None, alias="z", pattern=f"^(?:{_SIZE.pattern})$")
    shape: Shape | None = Field(None, alias="h")
    mass_effect: MassEffect | None = Field(None, alias="m")
    enhancement: Enhancement | None = Field(None, alias="e")
    on: dict[SequenceName, Signal | None] = Field(default_factory=dict, alias="o")


class Study(BaseModel):
    """One report."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    sequences: tuple[SequenceName, ...] = Field((), alias="q")
    normal: tuple[SequenceName, ...] = Field((), alias="w", description="Those that the report itself calls normal.")
    findings: tuple[StudyFinding, ...] = Field((), alias="f", max_length=MAX_FINDINGS)


def dump(study: Study) -> str:
    """The JSON that a model is taught to write."""
    plain = study.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for finding in plain.get("f", []):
        if "o" in finding:
            finding["o"] = {sequence: signal or "" for sequence, signal in finding["o"].items()}
        if finding.pop("n", False):
            finding["n"] = 1
    ordered = {"q": plain.get("q", []), **({"w": plain["w"]} if plain.get("w") else {})}
    ordered["f"] = [_in_order(finding) for finding in plain.get("f", [])]
    return json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)


def load(answer: str) -> Study:
    """Inverse of `dump`. Raises ValueError for anything else; duplicate keys count as something else."""
    plain = json.loads(answer, object_pairs_hook=unique)
    if isinstance(plain, dict):
        for finding in plain.get("f", []):
            if isinstance(finding, dict) and isinstance(finding.get("o"), dict):
                finding["o"] = {sequence: signal or None for sequence, signal in finding["o"].items()}
    try:
        study = Study.model_validate(plain)
    except ValidationError as error:
        raise ValueError(f"not a study: {error.error_count()} errors") from error
    _check_terms(study)
    return study


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads: an object whose keys are all different. Raises ValueError where one stands twice."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"duplicate key in {keys}")
    return dict(pairs)


def json_schema() -> dict[str, Any]:
    """The schema an answer is decoded under: enumerations from the vocabularies, every length capped."""
    finding: dict[str, Any] = {
        "t": {"enum": list(vocabulary("report_finding").terms)},
        "n": {"enum": [1]},
        "c": {"enum": ["probable", "possible"]},
        "l": {"enum": list(get_args(Laterality))},
        "s": {"enum": list(vocabulary("report_site").terms)},
        "k": {"enum": list(COUNTS)},
        "z": {"type": "string", "pattern": f"^{_SIZE.pattern}$".replace("(?:", "(").replace(r"\d", "[0-9]")},
        "h": {"enum": list(get_args(Shape))},
        "m": {"enum": list(get_args(MassEffect))},
        "e": {"enum": list(get_args(Enhancement))},
        "o": {
            "type": "object",
            "properties": {name: {"enum": ["", *SIGNALS]} for name in SEQUENCES},
            "additionalProperties": False,
        },
    }
    one = {"type": "object", "properties": finding, "required": ["t"], "additionalProperties": False}
    return {
        "type": "object",
        "properties": {
            "q": {"type": "array", "items": {"enum": list(SEQUENCES)}, "maxItems": len(SEQUENCES)},
            "w": {"type": "array", "items": {"enum": list(SEQUENCES)}, "maxItems": len(SEQUENCES)},
            "f": {"type": "array", "items": one, "maxItems": MAX_FINDINGS},
        },
        "required": ["q", "f"],
        "additionalProperties": False,
    }


COUNTS: Final = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "multiple")
_KEYS: Final = tuple("tnclskzhmeo")


def _in_order(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {key: finding[key] for key in _KEYS if key in finding}


def _check_terms(study: Study) -> None:
    for finding in study.findings:
        if finding.term not in vocabulary("report_finding").terms:
            raise ValueError(f"unknown finding {finding.term!r}")
        if finding.site is not None and finding.site not in vocabulary("report_site").terms:
            raise ValueError(f"unknown site {finding.site!r}")
        if finding.count is not None and finding.count not in COUNTS:
            raise ValueError(f"unknown count {finding.count!r}")


def to_record(study: Study, text: str = "", by: str = "") -> ReportRecord:
    """With spans found in ``text`` by the vocabulary, the n-th finding of a term at its n-th mention."""
    spans = _spans(study, text)
    findings = [_whole(finding, span) for finding, span in zip(study.findings, spans, strict=True)]
    return make_record(findings, study.sequences, study.normal, ReportRecord(by=by))


def from_record(record: ReportRecord) -> Study:
    """The study that `to_record` makes this of, findings in the order of their first sequence."""
    merged: dict[tuple[Any, ...], tuple[ReportFinding, dict[SequenceName, Signal | None], list[Enhancement]]] = {}
    sequences = tuple(description.sequence for description in record.descriptions)
    for description in record.descriptions:
        for finding in description.findings:
            key = (finding.term, finding.negated, finding.certainty, finding.site, finding.laterality,
                   finding.size, finding.count, finding.shape, finding.mass_effect)  # fmt: skip
            _, on, enhancements = merged.setdefault(key, (finding, {}, []))
            on[description.sequence] = finding.signal
            if finding.enhancement:
                enhancements.append(finding.enhancement)
    findings = []
    for finding, on, enhancements in merged.values():
        everywhere = tuple(on) == sequences and not any(on.values())
        enhancement = enhancements[0] if enhancements else None
        findings.append(_study_finding(finding, {} if everywhere else on, enhancement))
    normal = tuple(description.sequence for description in record.descriptions if description.normal)
    return Study(sequences=sequences, normal=normal, findings=tuple(findings))


def _study_finding(
    finding: ReportFinding, on: dict[SequenceName, Signal | None], enhancement: Enhancement | None
) -> StudyFinding:
    return StudyFinding(
        term=finding.term,
        negated=finding.negated,
        certainty=finding.certainty,
        laterality=finding.laterality,
        site=finding.site,
        count=None if finding.count is None else str(finding.count),
        size=write_size(finding.size) if finding.size else None,
        shape=finding.shape,
        mass_effect=finding.mass_effect,
        enhancement=enhancement,
        on=on,
    )


def read_size(size: str) -> Size:
    """``12x8mm`` as values and unit. Raises ValueError for anything else."""
    found = _SIZE.fullmatch(size)
    if found is None:
        raise ValueError(f"not a size: {size!r}")
    *values, unit = found.groups()
    return Size.model_validate({"values": [float(value) for value in values if value], "unit": unit})


def write_size(size: Size) -> str:
    return "x".join(f"{value:g}" for value in size.values) + size.unit


def _whole(finding: StudyFinding, span: Match | None) -> WholeFinding:
    count = finding.count
    return WholeFinding(
        term=finding.term,
        text=span.text if span else "",
        span=(span.start, span.end) if span else None,
        negated=finding.negated,
        certainty=finding.certainty,
        site=finding.site,
        laterality=finding.laterality,
        size=read_size(finding.size) if finding.size else None,
        count=None if count is None else "multiple" if count == "multiple" else int(count),
        shape=finding.shape,
        mass_effect=finding.mass_effect,
        enhancement=finding.enhancement,
        on=finding.on,
    )


def _spans(study: Study, text: str) -> list[Match | None]:
    mentions: dict[str, list[Match]] = {}
    for match in vocabulary("report_finding").find(text):
        mentions.setdefault(match.term, []).append(match)
    return [_take(mentions.get(finding.term, [])) for finding in study.findings]


def _take(mentions: list[Match]) -> Match | None:
    if not mentions:
        return None
    return mentions.pop(0) if len(mentions) > 1 else mentions[0]


def spell(values: Sequence[str]) -> str:
    """``a, b and c``."""
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + " and " + values[-1]
