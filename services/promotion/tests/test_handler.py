from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from journalclip_devtools.doubles.evaluation import freeze
from journalclip_devtools.doubles.promotion import (
    GOOD_CARD,
    CannedMeasurer,
    FolderRegistry,
    PromotionFixture,
    put_candidate,
    trained,
)
from journalclip_evaluation.errors import NothingToEvaluate
from journalclip_evaluation.models import Measured, Subject
from journalclip_promotion.decision import Candidate, Decision
from journalclip_promotion.errors import CannotRollBack, Overtaken, UnknownVersion
from journalclip_promotion.gates import Gates
from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.promoter import DECISION_TAG, EVALUATION_TAG, REPORT_TAG, Request
from journalclip_promotion.reconcile import reconcile
from journalclip_promotion.verify import Inspector, recount_pairs
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import ArticleSubmitted, Event, ModelPromoted
from journalclip_shared.ids import make_id
from journalclip_shared.records.dataset import LeakReport, Split, SplitPart
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.signing import SIGNATURE_TAG, HmacKey


@pytest.fixture
def house(tmp_path: Path) -> PromotionFixture:
    return PromotionFixture(tmp_path)


def test_first_good_candidate_becomes_champion(house: PromotionFixture) -> None:
    candidate = put_candidate(house.store, house.registry, "a")
    [fact] = house.handle(candidate)
    assert isinstance(fact, ModelPromoted)
    assert (fact.version, fact.previous_version, fact.change, fact.sequence) == ("1", None, "promotion", 1)
    assert house.aliases() == ("1", None)
    assert house.last().compared_with == "its starting point"
    tags = house.registry.versions()[0].tags
    assert tags[DECISION_TAG] == "promoted: the candidate's event"
    evaluation = ArtifactRef.model_validate_json(tags[EVALUATION_TAG])
    assert house.store.get(evaluation)


def test_same_event_gives_the_same_fact_and_measures_nothing(house: PromotionFixture) -> None:
    candidate = put_candidate(house.store, house.registry, "a")
    first = house.handle(candidate)
    calls = list(house.bench.calls)
    assert house.handle(candidate) == first
    assert house.bench.calls == calls
    assert [entry.sequence for entry in house.promoter.ledger.all()] == [1]


def test_better_candidate_replaces_the_champion_and_keeps_the_previous(house: PromotionFixture) -> None:
    house.skills(a=0.5, b=0.8)
    for name in "ab":
        house.handle(put_candidate(house.store, house.registry, name))
    assert house.aliases() == ("2", "1")
    assert house.last().compared_with == "champion 1"
    assert house.last().fact().previous_version == "1"


def test_worse_and_equal_candidates_are_refused_by_name_of_the_gate(house: PromotionFixture) -> None:
    house.skills(a=0.5, worse=0.4, equal=0.5)
    house.handle(put_candidate(house.store, house.registry, "a"))
    for name in ("worse", "equal"):
        assert house.handle(put_candidate(house.store, house.registry, name)) == []
        assert (house.last().outcome, house.last().failed) == ("refused", ("improvement",))
        assert house.aliases() == ("1", None)
    assert "against the champion" in house.registry.versions()[1].tags[DECISION_TAG]


@pytest.mark.parametrize(
    ("gate", "broken"),
    [
        ("leaks", {"leaks": LeakReport(captions=3)}),
        ("card", {"card": {**GOOD_CARD, "risks": "  "}}),
        ("licences", {"licences": {"CC BY": 5, "all rights reserved": 5}}),
        ("integrity", {"files": (("config.json", b"{}"),)}),
        ("integrity", {"files": (("config.json", b""), ("model.safetensors", b""), ("evil.pkl", b""))}),
        ("integrity", {"files": (("config.json", b""), ("model.safetensors", b""), ("config.json", b"1"))}),
    ],
)
def test_what_the_papers_show_is_refused_before_anything_is_measured(
    house: PromotionFixture, gate: str, broken: Mapping[str, object]
) -> None:
    house.with_gates(licences={"max_share": {"all rights reserved": 0.1}})
    assert house.handle(put_candidate(house.store, house.registry, "a", **broken)) == []  # type: ignore[arg-type]
    assert house.last().failed == (gate,)
    assert house.bench.calls == []
    assert house.aliases() == (None, None)


def test_forgetting_candidate_is_refused(house: PromotionFixture) -> None:
    house.with_gates(general={"suite": "imagenet", "max_drop": 0.05})
    house.bench.general_skill = {make_id("mdl", "a"): 0.5, make_id("mdl", "b"): 0.59}
    assert house.handle(put_candidate(house.store, house.registry, "a")) == []
    assert house.last().failed == ("general",)
    assert len(house.handle(put_candidate(house.store, house.registry, "b"))) == 1


@pytest.mark.parametrize(("gate", "cost"), [("size", {"max_mib": 0}), ("latency", {"max_latency_ms": 1})])
def test_costly_candidate_is_refused(house: PromotionFixture, gate: str, cost: dict[str, float]) -> None:
    house.with_gates(cost=cost)
    assert house.handle(put_candidate(house.store, house.registry, "a")) == []
    assert house.last().failed == (gate,)


def test_forgetting_is_measured_against_start_and_champion_and_may_lack_its_data(house: PromotionFixture) -> None:
    house.with_gates(general={"suite": "imagenet", "max_drop": 0.05})
    house.skills(a=0.3, b=0.6, c=0.9)
    house.bench.general_skill = {make_id("mdl", name): skill for name, skill in (("a", 0.8), ("b", 0.7), ("c", 0.8))}
    house.handle(put_candidate(house.store, house.registry, "a"))
    assert house.handle(put_candidate(house.store, house.registry, "b")) == []  # above its start's 0.6, below a's 0.8
    assert house.last().failed == ("general",)
    assert "against the champion" in house.last().summary()
    house.bench.missing_suites = ("imagenet",)
    assert house.handle(put_candidate(house.store, house.registry, "c")) == []
    assert house.last().summary() == "refused: general: not measured: imagenet: no data"
    house.with_gates(general={"suite": "imagenet", "without_data": "pass"})
    assert house.promoter.decide(Request(house.last().candidate, "ada", person=True)).outcome == "promoted"


def test_records_are_counted_again(house: PromotionFixture) -> None:
    """The manifest says that nothing leaks and all is free; the records know better."""
    store = house.store
    whole = freeze(store, 6).manifest.splits["test"]
    same: dict[Split, SplitPart] = {"train": whole, "test": whole}
    candidate = put_candidate(store, house.registry, "a", splits=same, licences={"CC BY": 6})
    assert house.handle(candidate) == []
    assert house.last().failed == ("leaks",)
    assert "3 articles, 5 image digests" in house.last().summary()
    house.with_gates(licences={"max_share": {"unknown": 0.1}})
    honest = put_candidate(store, house.registry, "b", splits={"test": whole}, licences={"CC BY": 6})
    assert house.handle(honest) == []
    assert house.last().summary() == "refused: licences: unknown is 100.0%, allowed 10.0%"
    gone = put_candidate(store, house.registry, "c", splits={"test": whole})
    store.path(whole.parts[0].records).unlink()
    assert house.handle(gone) == []
    assert house.last().failed == ("integrity",)


def test_documents_are_part_of_the_decision_and_reach_the_run_when_the_tracker_is_back(
    house: PromotionFixture, tmp_path: Path
) -> None:
    house.runs.away = True
    house.skills(a=0.5, worse=0.1)
    [fact] = house.handle(put_candidate(house.store, house.registry, "a"))  # no decision waits for the tracker
    assert isinstance(fact, ModelPromoted)
    assert fact.change == "promotion"
    report = house.last().report
    assert report is not None
    assert house.store.get(report) == f"report of {make_id('mdl', 'a')} promoted".encode()
    assert house.registry.versions()[0].tags[REPORT_TAG] == report.model_dump_json()
    assert not house.runs.root.exists()
    bus = SqliteBus(tmp_path / "events.db")
    house.runs.away = False
    PromotionHandler(house.promoter, "articles").handle(Event(fact, "test"))
    # The service's own handler leaves filing to its reconciler, and must not note it as done.
    assert list(
        PromotionHandler(house.promoter, "articles").handle(Event(trained(house.last().candidate), "test"))
    ) == [fact]
    assert reconcile(house.promoter, bus, house.runs).filed == (1,)
    assert not reconcile(house.promoter, bus, house.runs).anything
    house.handle(put_candidate(house.store, house.registry, "worse"))
    leaking = put_candidate(house.store, house.registry, "c", leaks=LeakReport(articles=1))
    house.handle(leaking)  # was not measured, so there is nothing to show
    assert house.last().report is None
    below = {path.relative_to(house.runs.root).as_posix() for path in house.runs.root.rglob("*") if path.is_file()}
    assert below == {
        f"{make_id('mdl', name)}/promotion/{number}/{file}"
        for name, number in (("a", "0001"), ("worse", "0002"))
        for file in ("report.html", "model-card.md", "decision.json")
    }
    assert house.promoter.ledger.unfiled() == []


def test_lenient_first_candidate_need_not_be_better(house: PromotionFixture) -> None:
    house.bench.start = 0.5
    house.skills(same=0.5, worse=0.4)
    house.with_gates(improvement={"over_start": {"demand": "not-worse", "margin": 0.1}})
    assert house.handle(put_candidate(house.store, house.registry, "worse")) == []
    assert len(house.handle(put_candidate(house.store, house.registry, "same"))) == 1


def test_approval_waits_for_a_person(house: PromotionFixture) -> None:
    house.with_gates(approval=True)
    candidate = put_candidate(house.store, house.registry, "a")
    assert house.handle(candidate) == []
    assert (house.last().outcome, house.aliases()) == ("awaiting-approval", (None, None))
    decision = house.promoter.decide(Request(candidate, "ada", "reads well", person=True))
    assert (decision.outcome, decision.who, decision.why, decision.trigger) == (
        "promoted", "ada", "reads well", "person",
    )  # fmt: skip
    assert house.aliases() == ("1", None)
    assert house.handle(candidate) == []


def test_person_cannot_approve_what_a_gate_refuses(house: PromotionFixture) -> None:
    candidate = put_candidate(house.store, house.registry, "a", leaks=LeakReport(articles=1))
    assert house.promoter.decide(Request(candidate, "ada", "please", person=True)).failed == ("leaks",)
    assert house.aliases() == (None, None)


def test_signature_may_be_required_where_there_is_no_key(house: PromotionFixture) -> None:
    house.with_gates(signature="required")
    assert house.handle(put_candidate(house.store, house.registry, "a")) == []
    assert house.last().failed == ("signature",)
    assert "no key" in house.last().summary()


def test_signature_is_asked_for_when_a_key_is_set(house: PromotionFixture) -> None:
    key, other = HmacKey(b"k" * 32), HmacKey(b"o" * 32)
    house.promoter = replace(house.promoter, inspector=Inspector(house.store, recount_pairs, key))
    unsigned = put_candidate(house.store, house.registry, "unsigned")
    assert house.handle(unsigned) == []
    assert house.last().verdicts[0].reason == "the manifest is not signed"
    forged = put_candidate(house.store, house.registry, "b", tags={SIGNATURE_TAG: other.sign(unsigned.manifest)})
    assert house.handle(forged) == []
    assert house.last().failed == ("signature",)
    # What would be signed is known before it is registered: the manifest's digest.
    scratch = FolderRegistry(house.root / "scratch")
    manifest = put_candidate(house.store, scratch, "c").manifest
    signed = put_candidate(house.store, house.registry, "c", tags={SIGNATURE_TAG: key.sign(manifest)})
    house.promoter = replace(house.promoter, gates=Gates())  # as required as can be
    assert len(house.handle(signed)) == 1
    assert [each.gate for each in house.last().verdicts][:2] == ["integrity", "signature"]
    house.registry.tag(signed.version, SIGNATURE_TAG, "")
    house.skills(d=1.0)
    manifest = put_candidate(house.store, scratch, "d").manifest
    house.handle(put_candidate(house.store, house.registry, "d", tags={SIGNATURE_TAG: key.sign(manifest)}))
    assert house.last().outcome == "promoted"
    with pytest.raises(CannotRollBack, match="not signed"):
        house.promoter.roll_back("ada", "")


def test_event_that_contradicts_the_registry_is_refused(house: PromotionFixture) -> None:
    a, b = (put_candidate(house.store, house.registry, name) for name in "ab")
    for liar, reason in (
        (a.model_copy(update={"version": "9"}), "not registered"),
        (b.model_copy(update={"version": a.version}), "another manifest"),
    ):
        house.handle(liar)
        assert house.last().failed == ("integrity",)
        assert reason in house.last().verdicts[0].reason


@pytest.mark.parametrize("field", ["model_id", "dataset_id", "schema", "dataset"])
def test_manifest_that_contradicts_itself_is_refused(house: PromotionFixture, field: str) -> None:
    good = put_candidate(house.store, house.registry, "good")
    other = put_candidate(house.store, house.registry, "other")
    model = ModelManifest.model_validate_json(house.store.get(good.manifest))
    changes = {
        "model_id": (model.model_copy(update={"model_id": "mdl_else"}), good.model_id),
        "dataset_id": (model.model_copy(update={"dataset_id": other.dataset_id, "model_id": "mdl_x"}), "mdl_x"),
        "dataset": (model.model_copy(update={"dataset": _dataset_of(house, other), "model_id": "mdl_y"}), "mdl_y"),
        "schema": (None, "mdl_z"),
    }
    changed, model_id = changes[field]
    data = changed.canonical() if changed else b"[]"
    ref = house.store.put("models", data, "application/json")
    version = house.registry.register(f"{model_id}-registered" if field == "model_id" else model_id, ref, "", {})
    lie = Candidate(
        version=version.version, model_id=version.model_id, dataset_id=good.dataset_id, manifest=ref, kind="articles"
    )
    house.handle(lie)
    assert house.last().failed == ("integrity",)


def _dataset_of(house: PromotionFixture, candidate: Candidate) -> ArtifactRef:
    return ModelManifest.model_validate_json(house.store.get(candidate.manifest)).dataset


def test_model_that_cannot_be_measured_is_refused(house: PromotionFixture) -> None:
    class Empty(CannedMeasurer):
        def retrieval(self, model: ModelManifest, dataset: ArtifactRef, subject: Subject) -> Measured:
            raise NothingToEvaluate("the split has no pairs")

    house.promoter = replace(house.promoter, bench=Empty(house.store))
    assert house.handle(put_candidate(house.store, house.registry, "a")) == []
    assert house.last().failed == ("evaluation",)


def test_roll_back_and_forth(house: PromotionFixture) -> None:
    house.skills(a=0.3, b=0.6, c=0.9)
    for name in "abc":
        house.handle(put_candidate(house.store, house.registry, name))
    back = house.promoter.roll_back("ada", "complaints")
    assert (back.fact().version, back.fact().change, back.fact().previous_version) == ("2", "rollback", "3")
    assert house.aliases() == ("2", "3")
    assert house.promoter.roll_back("ada", "older still", "1").candidate.version == "1"
    assert house.aliases() == ("1", "2")
    assert house.promoter.roll_back("ada", "it was fine").candidate.version == "2"
    assert len({entry.fact().sequence for entry in house.promoter.ledger.all() if entry.changed}) == 6


def test_what_cannot_be_rolled_back_to(house: PromotionFixture) -> None:
    with pytest.raises(CannotRollBack, match="no champion yet"):
        house.promoter.roll_back("ada", "")
    house.skills(a=0.3, worse=0.2, b=0.9)
    house.handle(put_candidate(house.store, house.registry, "a"))
    with pytest.raises(CannotRollBack, match="no other version"):
        house.promoter.roll_back("ada", "")
    house.handle(put_candidate(house.store, house.registry, "worse"))
    with pytest.raises(CannotRollBack, match="never champion"):
        house.promoter.roll_back("ada", "", "2")
    with pytest.raises(UnknownVersion):
        house.promoter.roll_back("ada", "", "7")
    house.handle(put_candidate(house.store, house.registry, "b"))
    with pytest.raises(CannotRollBack, match="is the champion"):
        house.promoter.roll_back("ada", "", "3")
    old = ModelManifest.model_validate_json(house.store.get(house.promoter.candidate("1").manifest))
    house.store.path(old.files[1].ref).write_bytes(b"flipped")
    with pytest.raises(CannotRollBack, match="no longer verifies"):
        house.promoter.roll_back("ada", "")
    assert house.aliases() == ("3", "1")


def test_champion_that_changes_while_measuring_is_measured_against(house: PromotionFixture) -> None:
    house.skills(a=0.3, b=0.6, c=0.9)
    house.handle(put_candidate(house.store, house.registry, "a"))
    b, c = (put_candidate(house.store, house.registry, name) for name in "bc")
    inner, first = house.promoter, [True]

    def intrude(step: str) -> None:
        if step == "judged" and first:
            first.clear()
            inner.decide(Request(b, "other"))

    house.promoter = replace(inner, step=intrude)
    house.handle(c)
    assert house.last().compared_with == "champion 2"
    assert house.aliases() == ("3", "2")


def test_same_candidate_decided_elsewhere_while_measuring(house: PromotionFixture) -> None:
    candidate = put_candidate(house.store, house.registry, "a")
    inner = house.promoter
    other: list[Decision] = []

    def intrude(step: str) -> None:
        if step == "judged":
            other.append(inner.decide(Request(candidate, "other")))

    house.promoter = replace(inner, step=intrude)
    assert house.handle(candidate) == [other[0].fact()]
    assert len(list(inner.ledger.all())) == 1


def test_overtaken_again_and_again_gives_up_for_now(house: PromotionFixture) -> None:
    names = [f"n{n}" for n in range(12)]
    house.skills(**{name: 0.2 + 0.05 * n for n, name in enumerate(names)})
    rivals = [put_candidate(house.store, house.registry, name) for name in names]
    inner = house.promoter

    def intrude(step: str) -> None:
        if step == "judged":
            inner.decide(Request(rivals.pop(0), "other"))

    house.promoter = replace(inner, step=intrude)
    with pytest.raises(Overtaken, match="changed 5 times"):
        house.handle(put_candidate(house.store, house.registry, "late"))


def test_taken_number_is_not_overwritten(house: PromotionFixture) -> None:
    house.handle(put_candidate(house.store, house.registry, "a"))
    entry = house.last()
    with pytest.raises(Overtaken, match="decision 1"):
        house.promoter.ledger.append(entry.model_copy(update={"who": "else"}))


def test_own_event_coming_back_is_noted_and_lies_are_not(house: PromotionFixture) -> None:
    [fact] = house.handle(put_candidate(house.store, house.registry, "a"))
    assert isinstance(fact, ModelPromoted)
    handler = PromotionHandler(house.promoter, "articles")
    for lie in (fact.model_copy(update={"sequence": 2}), fact.model_copy(update={"version": "5"})):
        assert list(handler.handle(Event(lie, "test"))) == []
        assert not house.promoter.ledger.announced(1)
    assert list(handler.handle(Event(fact, "test"))) == []
    assert house.promoter.ledger.announced(1)
    stranger = ArticleSubmitted(article_id="art_x", pdf=house.last().candidate.manifest, name="x")
    assert list(handler.handle(Event(stranger, "test"))) == []


def test_reconciler_heals_aliases_and_announces_once(house: PromotionFixture, tmp_path: Path) -> None:
    bus = SqliteBus(tmp_path / "events.db")
    assert not reconcile(house.promoter, bus).anything
    house.skills(a=0.3, b=0.6)
    for name in "ab":
        house.handle(put_candidate(house.store, house.registry, name))
    house.registry.set_alias("champion", "1")
    house.registry.drop_alias("previous")
    healed = reconcile(house.promoter, bus)
    assert (healed.aliases, healed.announced) == (True, 2)
    assert house.aliases() == ("2", "1")
    assert not reconcile(house.promoter, bus).anything
    assert [delivery.key for delivery in bus.read("models.promoted.v1")] == [make_id("mdl", "b")]
    # An alias set by hand where the ledger knows of no previous version is dropped.
    other = PromotionFixture(tmp_path / "other")
    other.handle(put_candidate(other.store, other.registry, "a"))
    other.registry.set_alias("previous", "1")
    assert reconcile(other.promoter, bus).aliases
    assert other.aliases() == ("1", None)


@pytest.mark.parametrize("deleted", [("1",), ("2",), ("1", "2")])
def test_a_champion_or_previous_that_was_deleted_is_registered_again_from_the_ledger(
    house: PromotionFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture, deleted: tuple[str, ...]
) -> None:
    key = HmacKey(b"k" * 32)
    house.promoter = replace(house.promoter, inspector=replace(house.promoter.inspector, verifier=key))
    house.skills(a=0.3, b=0.6)
    for name in "ab":
        unsigned = put_candidate(house.store, house.registry, name)
        house.registry.tag(unsigned.version, SIGNATURE_TAG, key.sign(unsigned.manifest))
        house.handle(unsigned)
    assert house.aliases() == ("2", "1")
    for version in deleted:
        house.registry.delete(version)
    bus = SqliteBus(tmp_path / "events.db")
    assert reconcile(house.promoter, bus).aliases
    champion, previous = (house.registry.by_alias(alias) for alias in ("champion", "previous"))
    assert champion is not None
    assert previous is not None
    assert [champion.model_id, previous.model_id] == [make_id("mdl", "b"), make_id("mdl", "a")]
    assert caplog.text.count("was deleted in the registry and is registered again") == len(deleted)
    assert not reconcile(house.promoter, bus).anything
    back = house.promoter.roll_back("Ada", "the new one is worse")
    assert back.candidate.model_id == make_id("mdl", "a"), "its signature came back with it"
    now = house.registry.by_alias("champion")
    assert now is not None
    assert now.model_id == make_id("mdl", "a")
    # A person names a version by the number that the registry shows now.
    numbers = {each.model_id: each.version for each in house.registry.versions()}
    again = house.promoter.roll_back("Ada", "it was better", numbers[make_id("mdl", "b")])
    assert again.candidate.model_id == make_id("mdl", "b")
    with pytest.raises(CannotRollBack, match="is the champion"):
        house.promoter.roll_back("Ada", "twice", numbers[make_id("mdl", "b")])
