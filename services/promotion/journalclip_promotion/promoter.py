"""The state machine that changes champions, made to be killed anywhere.

Under the lock, in this order: append the decision to the ledger; point ``previous``, then ``champion``; tag the
version; keep the answer for the candidate's event. The ledger entry is the commit: before it nothing has changed, after
it whoever holds the lock next finishes the rest (`recover`) before doing anything else. Between the two alias writes
``previous`` equals ``champion``, so there is one champion at every moment, and only verified ones are pointed at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from journalclip_evaluation.errors import EmbeddingsUnusable, NothingToEvaluate
from journalclip_modeling.folder import ModelUnloadable
from journalclip_promotion.decision import Candidate, Decision, Outcome, Verdict
from journalclip_promotion.documents import Documents, Judgement, Writer
from journalclip_promotion.errors import CannotRollBack, Overtaken, UnknownVersion
from journalclip_promotion.evaluator import Comparison, ModelMeasurer, compare_models
from journalclip_promotion.gates import Gates, check_measurements, check_papers
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.lock import Lock
from journalclip_promotion.verify import Inspector, Tampered
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.registry import Alias, ModelRegistry, ModelVersion
from journalclip_shared.signing import SIGNATURE_TAG

_log = logging.getLogger(__name__)

EVALUATION_TAG = "journalclip.evaluation"
REPORT_TAG = "journalclip.report"
CARD_TAG = "journalclip.card"
DECISION_TAG = "journalclip.decision"
_TAG_LENGTH = 500  # a registry's tag is a line for people; the ledger holds the whole reason
_ROUNDS = 5  # each lost round means that another candidate was promoted meanwhile


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ignore(_step: str) -> None:
    """No fail point is set."""


@dataclass(frozen=True)
class Request:
    """Who wants a decision about which candidate. A person's request also grants approval."""

    candidate: Candidate
    who: str
    why: str = ""
    person: bool = False
    again: bool = False  # judge a refused candidate anew, if the gates have changed since; grants no approval

    @property
    def of_event(self) -> bool:
        return not (self.person or self.again)


@dataclass(frozen=True)
class _Judged:
    verdicts: Sequence[Verdict]
    comparison: Comparison | None = None
    documents: Documents | None = None

    @property
    def passed(self) -> bool:
        return _passed(self.verdicts)


@dataclass(frozen=True)
class Promoter:
    """Decides, and makes the decision so. Several may run; the lock lets one change things at a time."""

    ledger: Ledger
    registry: ModelRegistry
    lock: Lock
    inspector: Inspector
    bench: ModelMeasurer
    writer: Writer
    gates: Gates
    now: Callable[[], str] = utc_now
    step: Callable[[str], None] = field(default=_ignore)  # named points where tests kill the process

    def decide(self, request: Request) -> Decision:
        """The decision about a candidate; for its event, always the first one that was made.

        A candidate that was refused is judged again where the request asks for it and the gates have changed.

        Raises `Overtaken` or `LockBusy` (both transient) when other promoters leave no turn.
        """
        for _ in range(_ROUNDS):
            with self.lock.hold():
                self.recover()
                if (known := self._known(request)) is not None:
                    return known
                seen = self.ledger.last()
            judged = self._judge(request, _champion(seen))
            self.step("judged")
            with self.lock.hold():
                self.recover()
                if (known := self._known(request)) is not None:
                    return known
                last = self.ledger.last()
                if _champion(last) != _champion(seen):
                    continue  # judged against a champion that is no longer one
                decision = self._decision(request, judged, last)
                self._commit(decision)
                return decision
        raise Overtaken(f"the champion changed {_ROUNDS} times while {request.candidate.model_id} was measured")

    def roll_back(self, who: str, why: str, version: str | None = None) -> Decision:
        """Point the champion back at the one before, or at any version that was champion once.

        Raises `CannotRollBack`, `UnknownVersion`.
        """
        with self.lock.hold():
            self.recover()
            last = self.ledger.last()
            target = self._former(last, version)
            try:
                self.inspector.inspect(target, self._registered(target), self.gates.signature)
            except Tampered as error:
                raise CannotRollBack(f"version {target.version} no longer verifies: {error.reason}") from error
            decision = Decision(
                sequence=_next(last), outcome="rolled-back", trigger="person", candidate=target,
                who=who, when=self.now(), why=why, champion=target, previous=_champion(last),
            )  # fmt: skip
            self._commit(decision)
            return decision

    def recover(self) -> None:
        """Finish what the last entry began. Call under the lock only."""
        last = self.ledger.last()
        if last is None:
            return
        self._point("previous", last.previous)
        self.step("previous")
        self._point("champion", last.champion)
        self.step("champion")
        if last.trigger == "event" and self.ledger.answer(last.candidate.model_id) is None:
            self._tag(last)
            self.step("tagged")
            self.ledger.set_answer(last)

    def find(self, version: str) -> ModelVersion | None:
        return next((each for each in self.registry.versions() if each.version == version), None)

    def version_of(self, target: Candidate) -> ModelVersion | None:
        """By its model: a version that was deleted and registered again has another number."""
        return next((each for each in self.registry.versions() if each.model_id == target.model_id), None)

    def candidate(self, version: str) -> Candidate:
        """A registered version as a candidate. Raises `UnknownVersion`."""
        found = self.find(version)
        if found is None:
            raise UnknownVersion(version)
        model = ModelManifest.model_validate_json(self.ledger.store.get(found.manifest))
        return Candidate(
            version=version,
            model_id=found.model_id,
            dataset_id=model.dataset_id,
            manifest=found.manifest,
            kind=model.kind,
        )

    def _signed(self, candidate: Candidate) -> Candidate:
        """With the signature that the registry carries, so that the ledger has it where a version is deleted."""
        found = self.version_of(candidate)
        signature = found.tags.get(SIGNATURE_TAG, "") if found is not None else ""
        return candidate.model_copy(update={"signature": signature}) if signature else candidate

    def _known(self, request: Request) -> Decision | None:
        if request.person:
            return None
        if not request.again:
            return self.ledger.answer(request.candidate.model_id)
        entries = (e for e in self.ledger.backwards() if e.candidate.model_id == request.candidate.model_id)
        last = next(entries, None)
        stands = last is not None and (last.outcome != "refused" or last.gates == self.gates.digest)
        return last if stands else None

    def _judge(self, request: Request, champion: Candidate | None) -> _Judged:
        candidate = request.candidate
        try:
            inspected = self.inspector.inspect(candidate, self.find(candidate.version), self.gates.signature)
            recount = self.inspector.recount(inspected)
        except Tampered as error:
            return _Judged([error.verdict()])
        papers = check_papers(self.gates, inspected.model, inspected.dataset, recount)
        verdicts = [*inspected.verdicts(), *papers]
        if not _passed(verdicts):
            return _Judged(verdicts)
        try:
            comparison = compare_models(self.bench, self.gates, inspected, self._manifest(champion))
        except (NothingToEvaluate, EmbeddingsUnusable, ModelUnloadable) as error:
            return _Judged([*verdicts, Verdict(gate="evaluation", passed=False, reason=error.reason)])
        verdicts += check_measurements(self.gates, comparison.found)
        suite = self.gates.general.suite if self.gates.general else ""
        about = Judgement(inspected, comparison, verdicts, self._outcome(_passed(verdicts), request), suite)
        return _Judged(verdicts, comparison, self.writer.write(about))

    def _outcome(self, passed: bool, request: Request) -> Outcome:
        if passed and self.gates.approval and not request.person:
            return "awaiting-approval"
        return "promoted" if passed else "refused"

    def _manifest(self, champion: Candidate | None) -> ModelManifest | None:
        if champion is None:
            return None
        return ModelManifest.model_validate_json(self.ledger.store.get(champion.manifest))

    def _decision(self, request: Request, judged: _Judged, last: Decision | None) -> Decision:
        outcome = self._outcome(judged.passed, request)
        before, promoted, candidate = _champion(last), outcome == "promoted", self._signed(request.candidate)
        comparison, documents = judged.comparison, judged.documents
        return Decision(
            sequence=_next(last), outcome=outcome, trigger="event" if request.of_event else "person",
            candidate=candidate, gates=self.gates.digest, verdicts=tuple(judged.verdicts),
            evaluation=comparison.this.ref if comparison else None,
            baseline=comparison.baseline.ref if comparison else None,
            report=documents.report if documents else None, card=documents.card if documents else None,
            compared_with=f"champion {before.version}" if before else "its starting point",
            who=request.who, when=self.now(), why=request.why,
            champion=candidate if promoted else before,
            previous=before if promoted else (last.previous if last else None),
        )  # fmt: skip

    def _commit(self, decision: Decision) -> None:
        self.step("decided")
        self.ledger.append(decision)
        self.step("appended")
        self.recover()
        self._tag(decision)
        self.step("done")

    def _point(self, alias: Alias, target: Candidate | None) -> None:
        found = self.registry.by_alias(alias)
        if target is None:
            if found is not None:
                self.registry.drop_alias(alias)
        elif found is None or found.model_id != target.model_id:
            self.registry.set_alias(alias, self._registered(target).version)

    def _registered(self, target: Candidate) -> ModelVersion:
        """The version of a model that the ledger names; one that somebody deleted is registered again."""
        found = self.version_of(target)
        if found is None:
            model = ModelManifest.model_validate_json(self.ledger.store.get(target.manifest))
            tags = {SIGNATURE_TAG: target.signature} if target.signature else {}
            found = self.registry.register(target.model_id, target.manifest, model.run_id, tags)
            _log.warning(
                "version %s (%s) was deleted in the registry and is registered again as version %s",
                target.version, target.model_id, found.version,
            )  # fmt: skip
        return found

    def _tag(self, decision: Decision) -> None:
        found = self.version_of(decision.candidate)
        if found is None:
            return  # refused because it is not registered: there is nothing to tag
        self.registry.tag(found.version, DECISION_TAG, decision.summary()[:_TAG_LENGTH])
        refs = {EVALUATION_TAG: decision.evaluation, REPORT_TAG: decision.report, CARD_TAG: decision.card}
        for tag, ref in refs.items():
            if ref is not None:
                self.registry.tag(found.version, tag, ref.model_dump_json())

    def _former(self, last: Decision | None, version: str | None) -> Candidate:
        champion = _champion(last)
        if last is None or champion is None:
            raise CannotRollBack("there is no champion yet")
        if version is None:
            if last.previous is None or last.previous.model_id == champion.model_id:
                raise CannotRollBack("no other version stood before this champion")
            return last.previous
        # A number means what the registry calls so now; the ledger's numbers count where nothing there has it.
        found = self.find(version)
        model = found.model_id if found is not None else ""
        if champion.model_id == model or (found is None and champion.version == version):
            raise CannotRollBack(f"version {version} is the champion")
        stood = [entry.champion for entry in self.ledger.all() if entry.champion is not None]
        former = [each for each in stood if (each.model_id == model if found else each.version == version)]
        if not former:
            self.candidate(version)
            raise CannotRollBack(f"version {version} was never champion; promote it instead")
        return former[-1]


def _champion(last: Decision | None) -> Candidate | None:
    return last.champion if last else None


def _next(last: Decision | None) -> int:
    return last.sequence + 1 if last else 1


def _passed(verdicts: Sequence[Verdict]) -> bool:
    return all(verdict.passed for verdict in verdicts)
