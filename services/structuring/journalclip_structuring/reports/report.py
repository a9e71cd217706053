"""A report's text to what it says: sections, sentences, findings, sequences called normal, and what stayed unread."""

from __future__ import annotations

from dataclasses import dataclass

from journalclip_structuring.reports.dictation import written
from journalclip_structuring.reports.entity import Entity
from journalclip_structuring.reports.forms import filled_in
from journalclip_structuring.reports.language import Language
from journalclip_structuring.reports.lexicon import lexicon
from journalclip_structuring.reports.reader import Reader
from journalclip_structuring.reports.sections import sections, tells_history
from journalclip_structuring.reports.sentences import narrowed, sentences
from journalclip_structuring.reports.traditional import simplified


@dataclass(frozen=True)
class ReportReading:
    """What the rules read in one report; spans are of the text as given."""

    language: Language
    findings: tuple[Entity, ...]
    named: tuple[str, ...]  # sequences that the report names anywhere
    normal: frozenset[str]  # sequences that it calls normal
    exam_normal: bool  # it calls the whole examination normal, and nothing that it says speaks against it
    compared: bool  # it compares with an earlier examination
    unread: tuple[tuple[int, int], ...]
    read_share: float  # characters of sentences understood, of those that speak of this study


def read_report_text(text: str, language: Language) -> ReportReading:
    """Deterministic; raises nothing for any text."""
    plain = filled_in(simplified(narrowed(text)) if language == "zh" else written(narrowed(text)))
    reader = Reader(plain, language)
    unread: list[tuple[int, int]] = []
    total = 0
    for section in sections(plain):
        spans = sentences(plain, section.start, section.end, language)
        if section.kind in {"aside", "technique"}:
            found = lexicon(language).scan(plain[section.start : section.end])
            if section.kind == "technique":
                reader.named += [name for each in found if (name := each.get("sequence")) and name != "-"]
            continue
        spans = [span for span in spans if not tells_history(plain[slice(*span)])]
        total += sum(end - start for start, end in spans)
        unread += [span for span in spans if not reader.sentence(*span, section.kind)]
    findings = tuple(each for each in reader.discourse.settled() if each.term != "-")
    affirmed = [each for each in findings if not each.negated]
    shown = {name for each in affirmed for name in each.on}
    missed = sum(end - start for start, end in unread)
    return ReportReading(
        language=language,
        findings=findings,
        named=tuple(dict.fromkeys(reader.named)),
        normal=frozenset(reader.normal - shown),
        exam_normal=reader.exam_normal and not affirmed and not unread,
        compared=reader.compared or any(each.change for each in findings),
        unread=tuple(unread),
        read_share=1 - missed / total if total else 0.0,
    )
