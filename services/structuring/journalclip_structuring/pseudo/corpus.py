"""Sets of pseudo reports with their truth, and how much of the vocabularies they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from journalclip_structuring.pseudo.draw import draw_study
from journalclip_structuring.pseudo.write import Split, Writer, templates
from journalclip_structuring.study import Study
from journalclip_structuring.vocabulary import vocabulary


@dataclass(frozen=True)
class PseudoReport:
    """A report and the one right reading of it, findings in the report's order."""

    report_id: str
    text: str
    study: Study


def pseudo_reports(seed: int, count: int, split: Split = "train", most: int = 3) -> Iterator[PseudoReport]:
    """``count`` reports, no text twice; the same arguments give the same reports, each independent of ``count``.

    ``most`` findings and denials each: three is the task, less are first lessons.
    """
    seen: set[str] = set()
    index = 0
    while len(seen) < count:
        rng = Random(f"{split}:{seed}:{index}")  # noqa: S311 - a seeded draw is the point; nothing is secret here
        text, study = Writer(rng, split).write(draw_study(rng, most))
        if text not in seen:
            seen.add(text)
            yield PseudoReport(f"{split}-{most}-{seed}-{index}", text, study)
        index += 1


@dataclass(frozen=True)
class Coverage:
    """For each vocabulary: how many of its terms the set holds, of how many, and how often the rarest comes up."""

    terms: dict[str, tuple[int, int, int]]
    templates: int
    words: int
    reports: int


def coverage(reports: list[PseudoReport]) -> Coverage:
    """Statistics over terms (by study) and words (by text)."""
    seen: dict[str, Counter[str]] = {name: Counter() for name in ("report_finding", "report_site", "report_sequence")}
    words: set[str] = set()
    for report in reports:
        words.update(report.text.lower().split())
        seen["report_sequence"].update(report.study.sequences)
        for finding in report.study.findings:
            seen["report_finding"][finding.term] += 1
            if finding.site:
                seen["report_site"][finding.site] += 1
    terms = {
        name: (len(counts), len(vocabulary(name).terms), min(counts[term] for term in vocabulary(name).terms))
        for name, counts in seen.items()
    }
    known = sum(len(sentences) for table in templates("report").values() for sentences in table.values())
    return Coverage(terms, known, len(words), len(reports))
