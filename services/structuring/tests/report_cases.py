"""The reports of ``data/reports.toml``: texts of our own with the reading that they should get, and a score."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from journalclip_shared.records.report import ReportRecord, WholeFinding

_SIGNS = {"+": "hyperintense", "-": "hypointense", "=": "isointense", "~": "mixed"}


@dataclass(frozen=True)
class Wanted:
    """One finding as the file writes it."""

    term: str
    negated: bool
    certainty: str
    site: str | None
    side: str | None
    on: dict[str, str | None]
    maybe: frozenset[str]
    size: str | None
    optional: bool


@dataclass(frozen=True)
class Case:
    """A report, its findings, and the sequences that it calls normal."""

    name: str
    text: str
    findings: tuple[Wanted, ...]
    normal: frozenset[str]
    allowed: frozenset[str]


@dataclass
class Tally:
    """Field values right, of those asked for; whole reports; what was invented; false normals."""

    right: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)
    extra: int = 0
    whole: int = 0
    reports: int = 0
    false_normal: list[str] = field(default_factory=list)

    def count(self, name: str, right: bool) -> bool:
        self.total[name] = self.total.get(name, 0) + 1
        self.right[name] = self.right.get(name, 0) + right
        return right

    def share(self, name: str) -> float:
        return self.right[name] / self.total[name]

    @property
    def findings(self) -> float:
        return self.right["found"] / (self.total["found"] + self.extra)


def cases(language: str) -> list[Case]:
    content = tomllib.loads((Path(__file__).parent / "data" / "reports.toml").read_text("utf-8"))
    return [
        Case(
            each["id"],
            each["text"],
            tuple(_wanted(entry) for entry in each["findings"]),
            frozenset(each.get("normal", ())),
            frozenset(each.get("normal_allowed", ())),
        )
        for each in content["report"]
        if each["id"].startswith(language)
    ]


def _wanted(entry: str) -> Wanted:
    head, place, on, size = [*(part.strip() for part in entry.lstrip("?").split("|")), "", "", ""][:4]
    certainty = next((word for word in ("probable", "possible") if head.startswith(word)), "certain")
    head = head.removeprefix(certainty).strip()
    side = next((word for word in ("left", "right", "bilateral", "midline") if place.split(" ")[0] == word), None)
    signals: dict[str, str | None] = {}
    maybe = set()
    for word in on.split():
        signal = _SIGNS.get(word.rstrip("?")[-1])
        name = word.rstrip("?").rstrip("+-=~")
        if word.endswith("?"):
            maybe.add(name)
        else:
            signals[name] = signal
    return Wanted(
        head.removeprefix("no "), head.startswith("no "), certainty, place.removeprefix(side or "").strip() or None,
        side, signals, frozenset(maybe), size or None, entry.startswith("?"),
    )  # fmt: skip


def tally(case: Case, record: ReportRecord, into: Tally) -> None:
    """Count one report; findings are matched by term, the best of each term first."""
    left = list(record.findings or ())
    good = True
    for want in sorted(case.findings, key=lambda each: each.optional):
        options = sorted((each for each in left if each.term == want.term), key=lambda each: _misfit(each, want))
        if want.optional:
            if options:
                left.remove(options[0])
            continue
        if not into.count("found", bool(options)):
            good = False
            continue
        have = options[0]
        left.remove(have)
        good &= into.count("negation", have.negated == want.negated)
        good &= into.count("certainty", have.certainty == want.certainty)
        good &= into.count("site", have.site == want.site)
        good &= into.count("side", have.laterality == want.side or have.term == "midline shift")
        good &= into.count("sequences", have.on.keys() - want.maybe == want.on.keys())
        for name, signal in want.on.items():
            if signal:
                good &= into.count("signal", have.on.get(name) == signal)  # type: ignore[call-overload]
        good &= into.count("size", _size(have) == want.size)
    left = [each for each in left if not (each.negated and each.term == "lesion")]
    into.extra += len(left)
    untrue = {each.sequence for each in record.descriptions if each.normal} - case.normal - case.allowed
    if "*" not in case.normal | case.allowed and (untrue or record.normal):
        into.false_normal.append(case.name)
    into.reports += 1
    into.whole += good and not left and case.name not in into.false_normal


def _misfit(have: WholeFinding, want: Wanted) -> tuple[bool, bool, bool, int]:
    return (
        have.negated != want.negated,
        have.site != want.site,
        have.laterality != want.side,
        len(want.on.keys() - have.on.keys()),
    )


def _size(finding: WholeFinding) -> str | None:
    if finding.size is None:
        return None
    return "x".join(f"{value:g}" for value in finding.size.values) + finding.size.unit
