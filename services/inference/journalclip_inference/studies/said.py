"""Searchable sentences of a study: one for each finding, and one for each sequence that shows it.

They are written from the record's codes. So they are in English for a report in any language, and contain no words
of the report itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from journalclip_inference.analysis import Analyzer
from journalclip_inference.analysis.analyzer import phrase_of
from journalclip_inference.analysis.tokens import words_of
from journalclip_inference.index.facets import Choices, Chosen, facet_token
from journalclip_inference.index.plan import Field
from journalclip_inference.index.words import RowWords, text_key
from journalclip_shared.records.report import ReportFinding, ReportRecord, WholeFinding
from journalclip_shared.records.study import StructuredStudy

_NORMAL = "Normal brain: no abnormality."


class StudyFilters(Choices):
    """Facets of studies."""

    finding: Chosen = ()
    site: Chosen = ()
    side: Chosen = ()
    sequence: Chosen = ()
    result: Chosen = ()


def sentences(record: ReportRecord) -> tuple[str, ...]:
    """Sentences in the order of the report; empty if no finding was recognised."""
    if record.findings is None:  # records made before findings were kept once each
        found = (
            WholeFinding.model_validate(
                {**each.model_dump(exclude={"signal"}), "on": {description.sequence: each.signal}}
            )
            for description in record.descriptions
            for each in description.findings
        )
        whole = [text for each in found for text in _of_finding(each)]
    else:
        whole = [text for each in record.findings for text in _of_finding(each)]
    return tuple(dict.fromkeys([_NORMAL, *whole] if record.normal else whole))


def _of_finding(finding: WholeFinding) -> Iterator[str]:
    place = " ".join(filter(None, (finding.laterality, finding.site)))
    where = f" in the {place}" if place else ""
    if finding.negated:
        yield f"No {finding.term}{where}."
        return
    hedge = f"{finding.certainty} " if finding.certainty != "certain" else ""
    thing = f"{hedge}{finding.term}{where}"
    shown = f" on {', '.join(finding.on)}" if finding.on else ""
    size = f", {' x '.join(f'{each:g}' for each in finding.size.values)} {finding.size.unit}" if finding.size else ""
    count = f"{'multiple' if finding.count == 'multiple' else finding.count} " if finding.count not in (None, 1) else ""
    shape = f"{finding.shape} " if finding.shape else ""
    change = f", {finding.change}" if finding.change else ""
    yield f"{count}{shape}{thing}{shown}{size}{change}."
    for name, signal in finding.on.items():
        if signal:
            yield f"{name}: {signal} {thing}."
    if finding.on.get("DWI") == "hyperintense" and finding.on.get("ADC") == "hypointense":
        yield f"Restricted diffusion: {thing}."
    if finding.enhancement:
        kind = "without enhancement" if finding.enhancement == "none" else f"with {finding.enhancement} enhancement"
        yield f"{thing} {kind}."
    if finding.mass_effect:
        kind = "without mass effect" if finding.mass_effect == "none" else f"with {finding.mass_effect} mass effect"
        yield f"{thing} {kind}."


def facet_tokens(study: StructuredStudy) -> tuple[str, ...]:
    """Tokens by which filters find a study; denied findings give none."""
    record = study.record
    findings: Sequence[WholeFinding | ReportFinding] = record.findings or [
        each for said in record.descriptions for each in said.findings
    ]
    there = [each for each in findings if not each.negated]
    values: dict[str, list[str | None]] = {
        "finding": [each.term for each in there],
        "site": [each.site for each in there],
        "side": [each.laterality for each in there],
        "sequence": [each.sequence for each in study.volumes],
        "result": ["normal" if record.normal else "findings" if there else "nothing recognised"],
    }
    return tuple(
        facet_token(facet, each) for facet in StudyFilters.facets() for each in sorted({*filter(None, values[facet])})
    )


def words_of_study(
    study_id: str, patient: str, said: Sequence[str], facets: Sequence[str], reader: Analyzer
) -> RowWords:
    """Index words of a study.

    Each sentence becomes a panel, so that a side is matched together with its finding. A query that denies a finding
    excludes every study that asserts it.
    """
    parts = [reader.tokens(text) for text in said] or [[]]
    whole = [token for part in parts for token in part]
    names = [name for kind, _, name in (facet.partition("=") for facet in facets) if kind == "sequence"]
    has = [token for name in names for token in reader.tokens(name)]
    panels: list[dict[Field, list[str]]] = [
        {"caption": part, "figure": whole, "record": has, "around": []} for part in parts
    ]
    caption = phrase_of(words_of(" ".join(said)))
    keys = [f"id:{study_id.lower()}", f"id:{patient.lower()}", *([text_key("caption", caption)] if caption else [])]
    asserted = [token for token in whole if not token.startswith("no:")]
    return RowWords(panels, caption, [], keys, list(facets), asserted)
