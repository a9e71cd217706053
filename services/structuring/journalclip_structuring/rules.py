"""The rule-based structurer: it matches vocabularies and reads the context. Deterministic; no model, no network.

The demo uses it. It is the baseline that every language model must beat, and the fallback when a language model fails.
Each coded value keeps the words and the span of its source. A term is listed once, at its first mention.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, cast

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding, Laterality
from journalclip_shared.records.report import ReportRecord
from journalclip_structuring import vocabulary as vocabularies
from journalclip_structuring.binding import nearest
from journalclip_structuring.context import Reading, read_context, sentences
from journalclip_structuring.coverage import with_coverage
from journalclip_structuring.injection import flags_of
from journalclip_structuring.lookalikes import without_lookalikes
from journalclip_structuring.rendering import render_caption
from journalclip_structuring.report_rules import UnsupportedLanguage, read_report
from journalclip_structuring.reports.lexicon import digest as report_digest
from journalclip_structuring.sides import compares, joined, opposites, sides
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult
from journalclip_structuring.vocabulary import Match, vocabulary

CODED: Final = ("modality", "sequence", "plane", "anatomy", "procedure", "stage")
_FUSED: Final = re.compile(r"\b[Nn]on(?=[a-z]{4})")
_FUSED_BEFORE: Final = re.compile(r"\b[Nn]on$")
_MODIFIES: Final = 30  # most characters between "contralateral" and its finding


class RuleStructurer:
    """A `Structurer` by rules. Its version combines a number for the code with a digest of the vocabularies."""

    name = "rules"

    def __init__(self) -> None:
        # Raise the leading number by hand when a change of this code changes the result for the same text.
        names = (*vocabularies.CAPTION_FIELDS, "context", "side_context", "lookalikes")
        self.version = f"7-{vocabularies.digest(*names)}{report_digest()[:4]}"

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
        found = {field: _terms_in(field, text) for field in CODED}
        findings = _finding_matches(text)
        taken = [*findings, *found["procedure"]]
        sided = sides(text, found["anatomy"], taken)
        record = CaptionRecord(
            **{field: _coded(matches) for field, matches in found.items()},
            laterality=_coded(sided),
            findings=_findings(text, findings, found["anatomy"], sided),
            panel=request.panel,
            flags=flags_of(text),
            by=f"{self.name}/{self.version}",
        )
        return with_coverage(record.model_copy(update={"rendering": render_caption(record)}), text)


def _terms_in(field: str, text: str) -> list[Match]:
    return without_lookalikes(vocabulary(field).find(text), field, text)


def _coded(matches: Sequence[Match]) -> tuple[Coded, ...]:
    first: dict[str, Coded] = {}
    for match in matches:
        first.setdefault(match.term, Coded(term=match.term, text=match.text, span=(match.start, match.end)))
    return tuple(first.values())


def _finding_matches(text: str) -> list[Match]:
    """Findings named in the text; "noncalcified" names calcification, as "non-calcified" does."""
    apart = _FUSED.sub("no-", text)
    found = [
        Match(each.term, text[each.start : each.end], each.start, each.end)
        for each in vocabulary("finding").find(apart)
    ]
    return without_lookalikes(found, "finding", text)


def _findings(
    text: str, matches: Sequence[Match], sites: Sequence[Match], sided: Sequence[Match]
) -> tuple[Finding, ...]:
    found: dict[tuple[str, bool], Finding] = {}
    for start, end in sentences(text):
        inside = [_shifted(each, start) for each in matches if start <= each.start < end]
        places = [_shifted(each, start) for each in sites if start <= each.start < end]
        sentence = text[start:end]
        own_sides = [_shifted(each, start) for each in sided if start <= each.start < end]
        own_sides = joined([each for each in own_sides if not compares(each, sentence)], sentence)
        for match in inside:
            finding = _finding(match, sentence, inside, places, own_sides)
            if finding is not None:
                placed = finding.model_copy(update={"span": (match.start + start, match.end + start)})
                found.setdefault((match.term, finding.negated), placed)
    return tuple(found.values())


def _finding(
    match: Match, sentence: str, findings: Sequence[Match], sites: Sequence[Match], sided: Sequence[Match]
) -> Finding | None:
    """The coded finding; None if the text only mentions it. Offsets count from the start of the sentence."""
    reading = read_context(sentence, match.start, match.end)
    if _FUSED_BEFORE.search(sentence[: match.start]):
        reading = Reading(True, "certain")
    if reading.mentioned:
        return None
    other_side = any(0 <= match.start - end <= _MODIFIES for _, end in opposites(sentence))
    side = None if other_side else nearest(match, sided, findings, sentence, reading.negated)
    return Finding(
        term=match.term,
        text=match.text,
        negated=reading.negated,
        certainty=reading.certainty,
        site=nearest(match, sites, findings, sentence, reading.negated),
        laterality=cast("Laterality | None", side),  # the vocabulary has exactly these terms; a test checks that
    )


def _shifted(match: Match, by: int) -> Match:
    return Match(match.term, match.text, match.start - by, match.end - by)
