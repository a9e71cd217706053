"""What the pages for those who run it do, by the same code as the commands: `journalclip serve` gives it to serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from journalclip_inference.operations import (
    Compared,
    Curve,
    DatasetEntry,
    Decided,
    Gate,
    ModelDetail,
    ModelEntry,
    SourceEntry,
    Sources,
)
from journalclip_pipelines.evaluating import find_installation, find_version
from journalclip_pipelines.kinds import every_kind
from journalclip_pipelines.local.searching import index_here
from journalclip_pipelines.operations.catalogue import caught_up, opened, settings_of
from journalclip_pipelines.operations.installation import Installation, store_of
from journalclip_pipelines.operations.repair import letters, replay
from journalclip_pipelines.operations.status import SourceStatus, counts, source_states
from journalclip_pipelines.operations.withdrawal import Steward
from journalclip_pipelines.progress import Reporter, reporter
from journalclip_promotion.decision import Decision
from journalclip_promotion.filing import file_documents
from journalclip_promotion.overview import Explained, explanation, listing
from journalclip_promotion.promoter import Promoter, Request
from journalclip_promotion.reconcile import announce
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.withdrawal import WithdrawalReason
from journalclip_shared.wiring import open_artifacts, open_bus

_CURVES = ("loss", "val_loss", "temperature", "gradient_norm")
_POINTS = 200  # of a curve; a longer one is thinned evenly


class LocalOperations:
    """`Operations` on one working folder, or on the installation that settings name."""

    def __init__(self, workdir: Path, progress: Reporter | None = None) -> None:
        self._workdir = workdir
        self._progress = progress

    def models(self) -> Sequence[ModelEntry]:
        found = [
            (there.kind, each) for there in Installation.every(self._workdir) for each in listing(there.promoter())
        ]
        return [_entry(kind, each) for kind, each in reversed(found)]

    def model(self, kind: Kind, version: str) -> ModelDetail:
        there = Installation.open(self._workdir, kind)
        promoter = there.promoter()
        found = explanation(promoter, version)
        entry = next(_entry(kind, each) for each in listing(promoter) if each["version"] == version)
        curves = there.runs.curves(found.run, _CURVES) if found.run else {}
        return ModelDetail(
            entry=entry,
            compared=_compared(promoter, found),
            decisions=tuple(_decided(each) for each in reversed(found.decisions)),
            curves=tuple(_curve(name, points) for name, points in curves.items()),
            withdrawn=found.withdrawn,
        )

    def promote(self, kind: Kind, version: str, who: str, why: str) -> str:
        there = find_installation(self._workdir, version, kind)
        promoter = there.promoter()
        candidate = promoter.candidate(find_version(there, version).version)
        decision = promoter.decide(Request(candidate, who, why, person=True))
        waits = self._followed(there, promoter, decision) if decision.changed else ""
        file_documents(promoter, there.runs)
        return f"version {decision.candidate.version} {decision.summary()}. {waits}".strip()

    def roll_back(self, kind: Kind, to: str | None, who: str, why: str) -> str:
        there = find_installation(self._workdir, "champion", kind)
        promoter = there.promoter()
        decision = promoter.roll_back(who, why, to)
        waits = self._followed(there, promoter, decision)
        champion = decision.champion.version if decision.champion else "none"
        return f"the champion is version {champion}. {waits}".strip()

    def sources(self, state: str, after: str, limit: int) -> Sources:
        catalogue = opened(self._workdir).catalogue
        every = [each for of in every_kind() for each in source_states(catalogue, of.kind)]
        wanted = sorted((each for each in every if not state or each.state == state), key=lambda each: each.source_id)
        rest = [each for each in wanted if each.source_id > after]
        page = rest[:limit]
        following = page[-1].source_id if len(rest) > limit else None
        return Sources(counts=counts(every), sources=tuple(_source(each) for each in page), next=following)

    def replay(self, source_id: str) -> str:
        settings = settings_of(self._workdir)
        bus = open_bus(settings)
        try:
            own = {each.origin for each in letters(bus) if each.delivery.key == source_id}
            done = replay(bus, store=open_artifacts(settings), origins=own)
        finally:
            bus.close()
        if not done:
            remedy = "Send the file again; `journalclip backfill DIR --retry` reads refused files of a folder anew."
            raise PermanentError("nothing-to-replay", f"{source_id} has no dead letter that was not replayed", remedy)
        return f"{len(done)} dead letters of {source_id} are published again, for the services or `journalclip run`"

    def withdraw(self, asked: str, reason: WithdrawalReason, who: str, note: str) -> str:
        settings = settings_of(self._workdir)
        steward = Steward(open_artifacts(settings), open_bus(settings), caught_up(self._workdir))
        spoken = steward.withdraw(asked, reason, who, note)
        return "; ".join(f"{each.word.scope} {each.word.subject} is withdrawn ({each.word.reason})" for each in spoken)

    def datasets(self) -> Sequence[DatasetEntry]:
        store = store_of(self._workdir)
        refs = [store.find_manifest("datasets", name) for name in store.list_manifests("datasets", "frozen/")]
        found = [DatasetManifest.model_validate_json(store.get(ref)) for ref in refs if ref is not None]
        return [
            DatasetEntry(
                dataset_id=each.dataset_id,
                kind=each.kind,
                splits={name: part.pairs for name, part in each.splits.items()},
                dropped=each.dropped,
                leaks=sum(value for value in each.leaks.model_dump().values() if isinstance(value, int)),
            )
            for each in found
        ]

    def _followed(self, there: Installation, promoter: Promoter, decision: Decision) -> str:
        """Announced, and on a laptop indexed: on a cluster its services do that."""
        announce(promoter, there.bus, decision)
        return index_here(there.settings, (there.kind,), self._progress or reporter())


def _entry(kind: Kind, each: Mapping[str, object]) -> ModelEntry:
    aliases = each["aliases"]
    return ModelEntry(
        kind=kind,
        version=str(each["version"]),
        model_id=str(each["model"]),
        aliases=tuple(str(name) for name in aliases) if isinstance(aliases, list) else (),
        decision=str(each["decision"]),
        who=str(each["who"] or ""),
        when=str(each["when"] or ""),
    )


def _decided(entry: Decision) -> Decided:
    gates = tuple(
        Gate(gate=each.gate, passed=each.passed, reason=each.reason, measured=each.measured, limit=each.limit)
        for each in entry.verdicts
    )
    return Decided(
        sequence=entry.sequence, outcome=entry.outcome, who=entry.who, when=entry.when, why=entry.why,
        compared_with=entry.compared_with, gates=gates,
    )  # fmt: skip


def _compared(promoter: Promoter, found: Explained) -> tuple[Compared, ...]:
    champion = promoter.registry.by_alias("champion")
    other = explanation(promoter, champion.version).made_from if champion is not None else {}
    names = dict.fromkeys([*found.made_from, *other])
    return tuple(
        Compared(what=name, here=found.made_from.get(name, ""), champion=other.get(name, "")) for name in names
    )


def _curve(name: str, points: Sequence[tuple[int, float]]) -> Curve:
    shown = points[:: max(1, len(points) // _POINTS)]
    return Curve(name=name, steps=tuple(step for step, _ in shown), values=tuple(value for _, value in shown))


def _source(each: SourceStatus) -> SourceEntry:
    return SourceEntry(
        source_id=each.source_id, name=each.name, state=each.state, kind=each.kind, figures=each.extracted,
        pairs=each.pairs, stage=each.stage, code=each.code, reason=each.reason, remedy=each.remedy,
    )  # fmt: skip
