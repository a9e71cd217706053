"""Gates from YAML, locks, settings to promoter, the watch, and what people are told."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from journalclip_devtools.doubles.collection import small_world
from journalclip_devtools.doubles.promotion import PromotionFixture, put_candidate
from journalclip_evaluation.bootstrap import Difference
from journalclip_evaluation.suites import shipped_suites
from journalclip_promotion.decision import Verdict
from journalclip_promotion.errors import GatesUnusable, LockBusy, UnknownVersion
from journalclip_promotion.gates import (
    CHAMPION,
    START,
    Demand,
    Gates,
    Improvement,
    Licences,
    Measurements,
    Queries,
    QueriesFound,
    check_measurements,
    general_loss,
    improvement,
    leaks,
    licences,
    reader_queries,
)
from journalclip_promotion.lease import RegistryLease
from journalclip_promotion.lock import FileLock
from journalclip_promotion.overview import explanation, history, listing
from journalclip_promotion.promoter import Request
from journalclip_promotion.reconcile import watching
from journalclip_promotion.settings import PromotionSettings
from journalclip_promotion.verify import LICENSED
from journalclip_promotion.wiring import build_promoter
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import TransientError
from journalclip_shared.ids import make_id
from journalclip_shared.records.dataset import DatasetManifest, LeakReport
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.runs import NullRuns
from journalclip_shared.signing import HmacKey, load_signer
from journalclip_shared.withdrawals import collection_key, write_withdrawal


@pytest.fixture
def house(tmp_path: Path) -> PromotionFixture:
    return PromotionFixture(tmp_path, queries=20)


def test_shipped_profiles_load_and_differ() -> None:
    default, local = Gates.load("default", "articles"), Gates.load("local", "articles")
    assert default.improvement == Improvement()
    assert local.improvement.over_start == Demand(demand="not-worse", margin=0.1)
    assert local.improvement.over_champion == Demand(demand="better")
    assert default.licences.max_share["all rights reserved"] == 0
    assert (default.signature, local.signature) == ("required", "required")
    assert default.general is not None
    assert default.general.suite in shipped_suites()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("improvment: {}", "improvment"), ("improvement: {metric: r7}", "metric"), ("a: [", "while parsing")],
)
def test_malformed_gates_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(text)
    with pytest.raises(GatesUnusable, match=reason):
        Gates.load(str(path), "articles")
    with pytest.raises(GatesUnusable):
        Gates.load(str(tmp_path / "none.yaml"), "articles")
    path.write_text("")
    assert Gates.load(str(path), "articles") == Gates()


def test_licence_gate_without_licences_passes_only_where_nothing_is_limited() -> None:
    assert licences(Licences(), {}).passed
    assert not licences(Licences(max_share={"unknown": 1}), {}).passed
    limit = Licences(max_share={"unknown": 0.5})
    assert licences(limit, {"unknown": 1, "CC BY": 1}).passed
    refused = licences(limit, {"unknown": 2, "CC BY": 1})
    assert (refused.passed, refused.reason) == (False, "unknown is 66.7%, allowed 50.0%")


def test_leak_gate_believes_neither_the_manifest_nor_the_records_alone() -> None:
    clean, leaking = LeakReport(), LeakReport(captions=2)
    assert leaks(clean, clean).passed
    assert not leaks(leaking, clean).passed
    assert not leaks(leaking, leaking).passed
    lied = leaks(clean, leaking)
    assert (lied.passed, lied.measured) == (False, 2)
    assert lied.reason == "2 captions in more than one split, nothing as stated"


def test_general_gate_reads_the_interval_and_refuses_what_was_not_measured() -> None:
    rule = Gates.model_validate({"general": {"suite": "s", "max_drop": 0.05}}).general
    assert rule is not None
    mild, bad = Difference(-0.03, -0.05, -0.01, 0.01), Difference(-0.03, -0.051, -0.01, 0.01)
    assert general_loss(rule, {"its start": mild}).passed
    assert not general_loss(rule, {"its start": mild, "the champion": bad}).passed
    assert not general_loss(rule, {}, "no data").passed
    lenient = rule.model_copy(update={"without_data": "pass"})
    assert general_loss(lenient, {}, "no data").reason == "not measured: no data"
    assert general_loss(lenient, {}).passed


def measured(low: float, high: float, sources: int = 9, baseline: str = START) -> Measurements:
    delta = Difference((low + high) / 2, low, high, 0.5)
    return Measurements(delta, baseline, {}, 1.0, before=0.5, after=0.5 + delta.mean, sources=sources)


def test_not_worse_is_non_inferiority_and_better_superiority() -> None:
    rule = Improvement(
        over_start=Demand(demand="not-worse", margin=0.1), over_champion=Demand(demand="better", margin=0.02)
    )
    assert improvement(rule, measured(-0.09, 0.3)).passed
    assert not improvement(rule, measured(-0.1, 0.3)).passed
    assert not improvement(rule, measured(-1.0, 1.0, sources=1)).passed, "a split that says nothing passes nothing"
    assert improvement(rule, measured(0.021, 0.3, baseline=CHAMPION)).passed
    assert not improvement(rule, measured(0.02, 0.3, baseline=CHAMPION)).passed
    numbers = improvement(rule, measured(-0.09, 0.3)).numbers
    assert (numbers["low"], numbers["high"], numbers["limit"], numbers["sources"]) == (-0.09, 0.3, -0.1, 9)


def test_the_gate_of_readers_queries_reads_the_interval_the_floor_and_what_is_missing() -> None:
    rule = Queries(least=0.4, over_start=Demand(demand="not-worse", margin=0.1))

    def judged(low: float, after: float) -> Verdict:
        delta = Difference(low + 0.05, low, low + 0.1, 0.5)
        return reader_queries(rule, replace(measured(0, 1), queries=QueriesFound(30, after - delta.mean, after, delta)))

    assert judged(-0.09, 0.5).passed
    assert not judged(-0.1, 0.5).passed
    assert not judged(-0.09, 0.39).passed
    assert judged(-0.09, 0.5).numbers["queries"] == 30
    assert not reader_queries(rule, measured(0, 1)).passed
    assert reader_queries(rule.model_copy(update={"without_queries": "pass"}), measured(0, 1)).passed
    gates = Gates.load("default", "articles")
    verdicts = check_measurements(gates, measured(0.1, 0.2))
    assert next(each for each in verdicts if each.gate == "queries").reason.startswith("not measured")


def test_gates_of_the_older_form_are_read_and_a_margin_is_asked_for() -> None:
    old = Improvement.model_validate({"over_champion": "better", "over_start": "not-worse", "margin": 0.05})
    assert old.over_champion == Demand(demand="better", margin=0.05)
    assert old.over_start == Demand(demand="not-worse", margin=0.05)
    with pytest.raises(ValidationError, match="needs a margin"):
        Improvement.model_validate({"over_start": "not-worse"})


def test_a_refused_candidate_is_judged_again_when_gates_changed_and_not_before(house: PromotionFixture) -> None:
    house.bench.start = 0.6
    house.skills(a=0.5)
    candidate = put_candidate(house.store, house.registry, "a")
    assert house.handle(candidate) == []
    again = Request(candidate, "ada", "the gates have changed", again=True)
    measured_before = len(house.bench.calls)
    assert house.promoter.decide(again).sequence == 1, "under the gates that refused it, the decision stands"
    assert len(house.bench.calls) == measured_before
    house.with_gates(improvement={"over_start": {"demand": "not-worse", "margin": 0.9}})
    assert house.handle(candidate) == [], "the event gives the answer that it gave"
    decision = house.promoter.decide(again)
    assert (decision.sequence, decision.outcome, decision.trigger) == (2, "promoted", "person")
    assert house.promoter.decide(again) == decision
    assert house.aliases() == ("1", None)


def test_judging_again_grants_no_approval(house: PromotionFixture) -> None:
    house.bench.start = 0.6
    house.skills(a=0.5)
    candidate = put_candidate(house.store, house.registry, "a")
    house.handle(candidate)
    house.with_gates(improvement={"over_start": {"demand": "not-worse", "margin": 0.9}}, approval=True)
    decision = house.promoter.decide(Request(candidate, "ada", again=True))
    assert (decision.outcome, house.aliases()) == ("awaiting-approval", (None, None))


def test_file_lock_excludes_others_and_is_given_back(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "deep" / "lock", patience_s=0.02)
    with lock.hold(), pytest.raises(LockBusy), lock.hold():
        pass
    with lock.hold():
        pass


class Refused(Exception):
    """What the registry raises, with a code."""

    def __init__(self, error_code: str) -> None:
        super().__init__(error_code)
        self.error_code = error_code


@dataclass
class Named:
    name: str
    tags: dict[str, str]


@dataclass
class Names:
    """The three calls of the registry that the lease needs, in memory, with its one atomic operation."""

    models: dict[str, Named] = field(default_factory=dict)
    broken: bool = False

    def search_registered_models(self, _where: str, max_results: int) -> list[Named]:
        if self.broken:
            raise Refused("INTERNAL_ERROR")
        return list(self.models.values())[:max_results]

    def create_registered_model(self, name: str, tags: Mapping[str, str]) -> None:
        if self.broken:
            raise Refused("INTERNAL_ERROR")
        if name in self.models:
            raise Refused("RESOURCE_ALREADY_EXISTS")
        self.models[name] = Named(name, dict(tags))

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        if name not in self.models:
            raise Refused("RESOURCE_DOES_NOT_EXIST")
        self.models[name].tags[key] = value

    def delete_registered_model(self, name: str) -> None:
        if self.broken:
            raise Refused("INTERNAL_ERROR")
        if name not in self.models:
            raise Refused("RESOURCE_DOES_NOT_EXIST")
        del self.models[name]


def lease_on(names: Names, now: list[float]) -> RegistryLease:
    return RegistryLease(names, Refused, patience_s=0.0, now=lambda: now[0])


def test_lease_is_exclusive_returned_and_survives_its_holder() -> None:
    names, now = Names(), [0.0]
    lease = lease_on(names, now)
    with lease.hold(), pytest.raises(LockBusy), lease_on(names, now).hold():
        pass
    dead = lease.hold()
    dead.__enter__()
    now[0] += lease.lasts_s + 1
    with lease_on(names, now).hold():
        assert set(names.models) == {f"{lease.name}.3"}
        dead.__exit__(None, None, None)  # not dead after all, only slow: it has nothing to give back
        with pytest.raises(LockBusy), lease_on(names, now).hold():
            pass


def test_late_looker_steps_back() -> None:
    """It looked at generation 1; since then 2 was held and returned, and 3 is held: 2 is free again, and worthless."""
    names, now = Names(), [0.0]
    lease = lease_on(names, now)
    with lease.hold():
        pass

    class Late(RegistryLease):
        def _newest(self) -> tuple[int, float]:
            return looks.pop(0) if looks else super()._newest()

    looks = [(1, 0.0)]
    with lease.hold():
        pass
    with lease.hold():
        late = Late(names, Refused, patience_s=0.0, now=lambda: now[0])
        with pytest.raises(LockBusy), late.hold():
            pass
        assert set(names.models) == {f"{lease.name}.3"}


def test_lease_on_a_broken_registry_is_transient() -> None:
    names = Names(broken=True)
    lease = lease_on(names, [0.0])
    for call in (lambda: lease._newest(), lambda: lease._create(1), lambda: lease._forget(1)):
        with pytest.raises(TransientError):
            call()


def test_settings_build_a_promoter(house: PromotionFixture, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"hmac:{'6b' * 32}\n")
    settings = PromotionSettings(workdir=tmp_path, gates="local", verify_key_file=key)
    promoter = build_promoter(settings, house.store, house.registry, NullRuns(), "articles")
    assert promoter.gates == Gates.load("local", "articles")
    ref = put_candidate(house.store, house.registry, "a").manifest
    assert promoter.inspector.verifier is not None
    assert promoter.inspector.verifier.verify(ref, HmacKey(b"k" * 32).sign(ref))
    own = build_promoter(PromotionSettings(workdir=tmp_path), house.store, house.registry, NullRuns(), "articles")
    signer = load_signer(None, tmp_path / "keys")
    assert signer is not None
    assert own.inspector.verifier is not None
    assert own.inspector.verifier.verify(ref, signer.sign(ref))
    away = PromotionSettings(workdir=tmp_path, artifacts="s3")
    assert build_promoter(away, house.store, house.registry, NullRuns(), "articles").inspector.verifier is None


def test_people_are_told(house: PromotionFixture) -> None:
    house.skills(a=0.4, b=0.2)
    for name in "ab":
        house.handle(put_candidate(house.store, house.registry, name))
    put_candidate(house.store, house.registry, "c")
    first, second, third = listing(house.promoter)
    assert (first["aliases"], first["decision"]) == (["champion"], "promoted: the candidate's event")
    assert str(second["decision"]).startswith("refused: improvement: r10 -0.2000 against the champion")
    assert (third["decision"], third["when"]) == ("none yet", None)
    told = explanation(house.promoter, "2")
    assert [entry.outcome for entry in told.decisions] == ["refused"]
    assert told.made_from["base"] == "scratch:0"
    assert [entry.sequence for entry in history(house.promoter)] == [1, 2]
    house.store.path(house.promoter.candidate("3").manifest).unlink()
    assert "not in the store" in explanation(house.promoter, "3").made_from["missing"]
    with pytest.raises(UnknownVersion):
        explanation(house.promoter, "9")


def test_watch_heals_and_survives_a_bad_moment(house: PromotionFixture, tmp_path: Path) -> None:
    house.handle(put_candidate(house.store, house.registry, "a"))
    bus = SqliteBus(tmp_path / "events.db")
    published = threading.Event()
    house.at_step(lambda name: published.set() if name == "published" else None)
    busy = replace(house.promoter, lock=FileLock(house.root / "lock", patience_s=0.0))
    with house.promoter.lock.hold():
        watch = watching(busy, bus, every_s=0.01)
        watch.__enter__()
        assert not published.wait(0.2)  # the lock is held: it says so and tries again
    assert published.wait(30)
    watch.__exit__(None, None, None)
    assert [each.key for each in bus.read("models.promoted.v1")] == [make_id("mdl", "a")]


def test_a_society_may_train_on_its_own_journal(house: PromotionFixture) -> None:
    world = small_world(house.store, articles=6)
    assert world.dataset is not None
    splits = DatasetManifest.model_validate_json(house.store.get(world.dataset)).splits
    house.with_gates(licences={"max_share": {"CC BY": 0.0, "CC BY-NC": 0.0, "unknown": 0.0}})
    house.skills(a=0.4, b=0.5)
    house.handle(put_candidate(house.store, house.registry, "a", splits=splits))
    assert "licences" in house.last().failed
    own = frozenset(map(collection_key, ("annals of invented surgery", "Journal of Made-Up Cases.")))
    house.promoter = replace(house.promoter, inspector=replace(house.promoter.inspector, licensed=own))
    house.handle(put_candidate(house.store, house.registry, "b", splits=splits))
    (verdict,) = (each for each in house.last().verdicts if each.gate == "licences")
    assert verdict.passed
    assert verdict.numbers[f"share of {LICENSED}"] == 1.0, "the verdict says what it took on the owner's word"


def test_a_bug_in_reconciling_does_not_end_its_thread_alone(house: PromotionFixture, tmp_path: Path) -> None:
    house.handle(put_candidate(house.store, house.registry, "a"))
    ended, told = list[BaseException](), threading.Event()

    def fails(_name: str) -> None:
        raise ZeroDivisionError

    def failed(error: BaseException) -> None:
        ended.append(error)
        told.set()

    house.at_step(fails)
    with watching(house.promoter, SqliteBus(tmp_path / "events.db"), every_s=0.01, failed=failed):
        assert told.wait(30)
    assert [type(error) for error in ended] == [ZeroDivisionError]


def test_withdrawn_sources_of_a_model_are_named_and_may_be_refused(house: PromotionFixture) -> None:
    world = small_world(house.store, articles=3)
    assert world.dataset is not None
    splits = DatasetManifest.model_validate_json(house.store.get(world.dataset)).splits
    house.with_gates(withdrawn="refuse", licences={"max_share": {}})
    house.skills(a=0.4, b=0.5)
    house.handle(put_candidate(house.store, house.registry, "a", splits=splits))
    assert "withdrawn" not in {each.gate for each in house.last().verdicts if not each.passed}
    assert explanation(house.promoter, "1").withdrawn == {}
    article = world.articles[0]
    word = {"scope": "article", "subject": article.article_id, "sequence": 1, "action": "withdraw"}
    known = {"reason": "retraction", "who": "ada", "time": "2026-11-30T00:00:00+00:00"}
    write_withdrawal(house.store, Withdrawal.model_validate({**word, **known}))
    name = f"article {article.article_id} (retraction)"
    assert explanation(house.promoter, "1").withdrawn == {name: len(article.pairs)}
    assert Gates().digest == Gates(withdrawn="pass").digest != Gates(withdrawn="refuse").digest
    house.handle(put_candidate(house.store, house.registry, "b", splits=splits))
    assert house.last().outcome == "refused"
    (verdict,) = (each for each in house.last().verdicts if each.gate == "withdrawn")
    assert verdict.reason == f"1 withdrawn sources are in its dataset: {name}"
