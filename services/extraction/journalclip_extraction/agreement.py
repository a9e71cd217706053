"""Measures how far the PDF reader agrees with the XML of many deliveries: by article, by journal and in total."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.documents import identify
from journalclip_extraction.handler import Reading
from journalclip_shared.deliveries import read_delivery
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import Agreement


@dataclass(frozen=True)
class Measured:
    """One article's agreement. Without one, ``state`` is ``not measured`` or ``quarantined``; ``reason`` says why."""

    file: str
    journal: str
    article_id: str
    agreement: Agreement | None
    state: str = ""
    reason: str = ""


@dataclass
class Report:
    """The measured articles; `as_json` adds precision and recall."""

    articles: list[Measured] = field(default_factory=list)

    def as_json(self) -> list[dict[str, Json]]:
        """One row for each article, one for each journal, and one for all articles."""
        rows = [_article(each) for each in self.articles]
        journals: dict[str, list[Agreement]] = defaultdict(list)
        for each in self.articles:
            if each.agreement is not None:
                journals[each.journal].append(each.agreement)
        rows += [{"journal": name, **_ratios(found)} for name, found in sorted(journals.items())]
        every = [each for found in journals.values() for each in found]
        left = len(self.articles) - len(every)
        return [*rows, {"articles": len(every), "not_measured": left, **_ratios(every)}]


def measure(
    paths: Sequence[Path], reader: Reading, options: ExtractOptions, progress: Callable[[int, int], None]
) -> Report:
    """Read every delivery. A refused delivery becomes a row with state ``quarantined``."""
    report = Report()
    for done, path in enumerate(paths, start=1):
        try:
            delivery = reader.read(read_delivery(path), options)
        except PermanentError as error:
            report.articles.append(Measured(str(path), "", "", None, "quarantined", f"{error.code}: {error.reason}"))
        else:
            for article in delivery.articles:
                state = "" if article.agreement else "not measured"
                reason = "" if article.agreement else f"it has {' and '.join(article.sources)} only"
                journal = article.facts.journal.value or "unknown"
                report.articles.append(
                    Measured(str(path), journal, identify(article), article.agreement, state, reason)
                )
        progress(done, len(paths))
    return report


def _article(each: Measured) -> dict[str, Json]:
    row: dict[str, Json] = {"file": each.file, "journal": each.journal, "article_id": each.article_id}
    if each.agreement is None:
        return {**row, "state": each.state, "reason": each.reason}
    details = each.agreement.model_dump(mode="json", include={"similarity", "pictures", "doi", "licence"})
    return {**row, **_ratios([each.agreement]), **details}


def _ratios(found: Sequence[Agreement]) -> dict[str, Json]:
    """Counts, precision and recall; a ratio is None if its denominator is 0."""
    figures = sum(each.figures for each in found)
    hits = sum(each.found for each in found)
    extra = sum(each.extra for each in found)
    return {
        "figures": figures,
        "found": hits,
        "extra": extra,
        "precision": round(hits / (hits + extra), 4) if hits + extra else None,
        "recall": round(hits / figures, 4) if figures else None,
    }
