"""An installation that its pages may show and change, and that only remembers."""

from __future__ import annotations

from collections.abc import Sequence

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
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.records.withdrawal import WithdrawalReason


class CannedOperations:
    """`Operations`: three models, 120 deliveries of which every tenth is in quarantine, one dataset."""

    def __init__(self) -> None:
        self.champion = "3"

    def models(self) -> Sequence[ModelEntry]:
        return [self._entry(number) for number in ("3", "2", "1")]

    def model(self, kind: Kind, version: str) -> ModelDetail:
        del kind
        gates = (
            Gate(gate="improvement", passed=True, reason="r10 +0.04 against the champion", measured=0.04, limit=0.0),
            Gate(
                gate="forgetting",
                passed=version != "2",
                reason="general accuracy fell by 0.06",
                measured=0.06,
                limit=0.05,
            ),
        )
        return ModelDetail(
            entry=self._entry(version),
            compared=(
                Compared(what="dataset", here="ds_new", champion="ds_old"),
                Compared(what="recipe", here="demo", champion="demo"),
            ),
            decisions=(
                Decided(
                    sequence=4, outcome="refused", who="ada", when="2026-11-02T10:00:00+00:00", why="", gates=gates
                ),
            ),
            curves=(Curve(name="loss", steps=tuple(range(50)), values=tuple(4 / (1 + n) for n in range(50))),),
        )

    def promote(self, kind: Kind, version: str, who: str, why: str) -> str:
        del kind
        self.champion = version
        return f"version {version} promoted for {who}: {why}"

    def roll_back(self, kind: Kind, to: str | None, who: str, why: str) -> str:
        del kind, who, why
        if to == "9":
            raise PermanentError("no-such-version", "there is no version 9", "Choose another.")
        self.champion = to or "2"
        return f"the champion is version {self.champion}"

    def sources(self, state: str, after: str, limit: int) -> Sources:
        every = [_source(number) for number in range(120)]
        wanted = [each for each in every if state in ("", each.state) and each.source_id > after]
        following = wanted[limit - 1].source_id if len(wanted) > limit else None
        return Sources(counts={"structured": 108, "quarantined": 12}, sources=tuple(wanted[:limit]), next=following)

    def replay(self, source_id: str) -> str:
        return f"1 dead letters of {source_id} are published again"

    def withdraw(self, asked: str, reason: WithdrawalReason, who: str, note: str) -> str:
        del who, note
        return f"article {asked} is withdrawn ({reason})"

    def datasets(self) -> Sequence[DatasetEntry]:
        splits = {"train": 900, "val": 60, "test": 140}
        return [
            DatasetEntry(dataset_id="ds_new", kind="articles", splits=splits, dropped={"caption-in-other-split": 16})
        ]

    def _entry(self, version: str) -> ModelEntry:
        aliases = ("champion",) if version == self.champion else ()
        return ModelEntry(
            kind="articles", version=version, model_id=f"mdl_{version}", aliases=aliases, decision="promoted",
            who="ada", when="2026-11-02T10:00:00+00:00",
        )  # fmt: skip


def _source(number: int) -> SourceEntry:
    refused = number % 10 == 0
    return SourceEntry(
        source_id=f"sub_{number:04d}", name=f"issue-{number}.pdf", state="quarantined" if refused else "structured",
        kind="articles", figures=0 if refused else 4, pairs=0 if refused else 9, stage="extraction" if refused else "",
        code="pdf-encrypted" if refused else "", reason="the PDF asks for a password" if refused else "",
        remedy="Send it without one." if refused else "",
    )  # fmt: skip
