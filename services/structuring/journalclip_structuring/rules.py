"""The rule-based structurer: vocabulary matches, read in context. Deterministic, no model, no network.

It is what the demo uses, the baseline that every language model must beat, and the stand-in when one fails. Each coded
value keeps the words and span it came from; a term is listed once, at its first mention.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding, Laterality
from journalclip_shared.records.report import ReportRecord
from journalclip_structuring import vocabulary as vocabularies
from journalclip_structuring.context import read_context, sentences
from journalclip_structuring.injection import flags_of
from journalclip_structuring.rendering import render_caption
from journalclip_structuring.report_rules import UnsupportedLanguage, read_report
from journalclip_structuring.reports.lexicon import digest as report_digest
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult
from journalclip_structuring.vocabulary import Match, vocabulary

# "Left" that speaks of the page, not of the patient: "left panel", "top right", "(left)", "left to right", "right:".
_LAYOUT_AFTER = re.compile(
    r"[\s-]*(?:hand\b|panels?\b|columns?\b|(?:[xy][\s-]*)?ax[ei]s\b|images?\b|figures?\b|rows?\b|plots?\b|graphs?\b"
    r"|to (?:left|right|bottom)\b|parts?\b|pictures?\b|photo|corner|tree|arrows?\b|insets?\b|[:)])",
    re.IGNORECASE,
)
_LAYOUT_BEFORE = re.compile(
    r"(?:\b(?:top|bottom|upper|lower|from|middle|to)[\s-]+(?:and[\s-]+)?|\(\s*)$", re.IGNORECASE
)
_NEAR = 60  # characters between a finding and its site or side: a clause, seldom more


class RuleStructurer:
    """`Structurer` by rules; its version digests code generation and vocabularies."""

    name = "rules"

    def __init__(self) -> None:
        # The leading number is raised by hand when the code below changes what it gives for the same text.
        names = (*vocabularies.CAPTION_FIELDS, "context")
        self.version = f"2-{vocabularies.digest(*names)}{report_digest()[:4]}"

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        return [
            StructureResult(each.request_id, self.caption(each) if each.kind == "caption" else self._report(each))
            for each in texts
        ]

    def _report(self, request: StructureRequest) -> ReportRecord | Failure:
        try:
            return self.report(request)
        except UnsupportedLanguage as error:
            return Failure("language-unsupported", str(error))

    def report(self, request: StructureRequest) -> ReportRecord:
        """The record of one report. Raises `UnsupportedLanguage`."""
        record = read_report(request.text)
        flags = (*flags_of(request.text), *record.flags)
        return record.model_copy(update={"flags": flags, "by": f"{self.name}/{self.version}"})

    def caption(self, request: StructureRequest) -> CaptionRecord:
        """The record of one caption."""
        text = request.text
        sides = [match for match in vocabulary("laterality").find(text) if not _is_layout(match, text)]
        sites = vocabulary("anatomy").find(text)
        record = CaptionRecord(
            modality=_coded(vocabulary("modality").find(text)),
            sequence=_coded(vocabulary("sequence").find(text)),
            plane=_coded(vocabulary("plane").find(text)),
            anatomy=_coded(sites),
            laterality=_coded(sides),
            findings=_findings(text, sites, sides),
            procedure=_coded(vocabulary("procedure").find(text)),
            stage=_coded(vocabulary("stage").find(text)),
            panel=request.panel,
            flags=flags_of(text),
            by=f"{self.name}/{self.version}",
        )
        return record.model_copy(update={"rendering": render_caption(record)})


def _coded(matches: Sequence[Match]) -> tuple[Coded, ...]:
    first: dict[str, Coded] = {}
    for match in matches:
        first.setdefault(match.term, Coded(term=match.term, text=match.text, span=(match.start, match.end)))
    return tuple(first.values())


def _findings(text: str, sites: Sequence[Match], sides: Sequence[Match]) -> tuple[Finding, ...]:
    found: dict[tuple[str, bool], Finding] = {}
    matches = vocabulary("finding").find(text)
    for start, end in sentences(text):
        for match in (each for each in matches if start <= each.start < end):
            reading = read_context(text[start:end], match.start - start, match.end - start)
            side = _nearest(match, sides, start, end)
            finding = Finding(
                term=match.term,
                text=match.text,
                span=(match.start, match.end),
                negated=reading.negated,
                certainty=reading.certainty,
                site=_nearest(match, sites, start, end),
                laterality=cast("Laterality | None", side),  # the vocabulary's terms are exactly these; a test holds it
            )
            found.setdefault((match.term, reading.negated), finding)
    return tuple(found.values())


def _nearest(match: Match, others: Sequence[Match], start: int, end: int) -> str | None:
    """The term named closest to ``match`` in its sentence; of two equally near, the one before it."""
    gaps = [
        (match.start - other.end if other.end <= match.start else other.start - match.end + 1, other.term)
        for other in others
        if start <= other.start < end
    ]
    near = [gap for gap in gaps if gap[0] <= _NEAR]
    return min(near)[1] if near else None


def _is_layout(match: Match, text: str) -> bool:
    if match.term not in {"left", "right"}:
        return False
    return bool(_LAYOUT_AFTER.match(text, match.end) or _LAYOUT_BEFORE.search(text[: match.start]))
