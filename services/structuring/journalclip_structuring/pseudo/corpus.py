"""Sets of pseudo reports with their truth, and how much of the vocabularies they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, get_args

from journalclip_shared.records.caption import Certainty
from journalclip_shared.records.report import Enhancement, MassEffect, ReportLanguage, Shape
from journalclip_structuring.pseudo.chinese import ChineseWriter
from journalclip_structuring.pseudo.draw import draw_study
from journalclip_structuring.pseudo.write import Split, Writer, templates
from journalclip_structuring.report_record import SEQUENCES
from journalclip_structuring.study import SIGNALS, Study, StudyFinding
from journalclip_structuring.vocabulary import vocabulary


@dataclass(frozen=True)
class PseudoReport:
    """A report and the one right reading of it, findings in the report's order."""

    report_id: str
    text: str
    study: Study


def pseudo_reports(
    seed: int, count: int, split: Split = "train", most: int = 3, first: int = 0, language: ReportLanguage = "en"
) -> Iterator[PseudoReport]:
    """``count`` reports, no text twice; the same arguments give the same reports, each independent of ``count``.

    ``most`` findings and denials each: three is the task, less are first lessons. ``first`` is where in the seed's
    endless row of draws to begin.
    """
    seen: set[str] = set()
    index = first
    while len(seen) < count:
        rng = Random(f"{split}:{seed}:{index}")  # noqa: S311 - a seeded draw is the point; nothing is secret here
        writer = ChineseWriter(rng, split) if language == "zh" else Writer(rng, split)
        text, study = writer.write(draw_study(rng, most))
        if text not in seen:
            seen.add(text)
            yield PseudoReport(
                f"{split}-{most}-{seed}-{index}" + ("" if language == "en" else f"-{language}"), text, study
            )
        index += 1


@dataclass(frozen=True)
class Coverage:
    """For each field: how many of its terms the set holds, of how many there are, and how often the rarest comes up."""

    terms: dict[str, tuple[int, int, int]]
    templates: int
    words: int
    reports: int


def coverage(reports: list[PseudoReport]) -> Coverage:
    """Statistics over terms (by study) and words (by text)."""
    terms = {}
    for name, (known, said) in _FIELDS.items():
        counts = Counter(value for report in reports for value in said(report.study))
        terms[name] = (len(counts), len(known), min(counts[term] for term in known))
    words = {word for report in reports for word in report.text.lower().split()}
    sentences_known = sum(len(sentences) for table in templates("report").values() for sentences in table.values())
    return Coverage(terms, sentences_known, len(words), len(reports))


def _of_findings(value: Callable[[StudyFinding], Iterable[str | None]]) -> Callable[[Study], Iterator[str]]:
    """What ``value`` says of each finding of a study, without the Nones."""
    return lambda study: (said for finding in study.findings for said in value(finding) if said is not None)


# For each field: its terms, and those that a study says. No finding is drawn in the midline: a site there says it.
_FIELDS: Final[dict[str, tuple[tuple[str, ...], Callable[[Study], Iterable[str]]]]] = {
    "sequence": (SEQUENCES, lambda study: study.sequences),
    "finding": (tuple(vocabulary("report_finding").terms), _of_findings(lambda each: [each.term])),
    "site": (tuple(vocabulary("report_site").terms), _of_findings(lambda each: [each.site])),
    "laterality": (("left", "right", "bilateral"), _of_findings(lambda each: [each.laterality])),
    "certainty": (get_args(Certainty), _of_findings(lambda each: [each.certainty])),
    "signal": (SIGNALS, _of_findings(lambda each: each.on.values())),
    "shape": (get_args(Shape), _of_findings(lambda each: [each.shape])),
    "count": (("1", "2", "3", "4", "5", "multiple"), _of_findings(lambda each: [each.count])),
    "mass effect": (get_args(MassEffect), _of_findings(lambda each: [each.mass_effect])),
    "enhancement": (get_args(Enhancement), _of_findings(lambda each: [each.enhancement])),
    "denial": (("denied", "present"), _of_findings(lambda each: ["denied" if each.negated else "present"])),
}
