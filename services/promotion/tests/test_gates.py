"""Each gate at its limit, on both sides of it, and every number that its verdict carries."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from journalclip_evaluation.bootstrap import TOO_FEW, Difference
from journalclip_promotion.gates import (
    CARD_FIELDS,
    CHAMPION,
    START,
    Cost,
    Demand,
    Findings,
    FindingsFound,
    Gates,
    GeneralLoss,
    Improvement,
    Licences,
    Measurements,
    Queries,
    QueriesFound,
    card,
    check_measurements,
    check_papers,
    findings,
    general_loss,
    improvement,
    latency,
    leaks,
    licences,
    reader_queries,
    size,
    withdrawn,
)
from journalclip_promotion.verify import Recount
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.dataset import DatasetManifest, LeakReport
from journalclip_shared.records.model import ModelFile, ModelManifest

REF = ArtifactRef(uri="artifact://models/x", sha256="0" * 64, bytes=1, media_type="application/octet-stream")
FULL_CARD = dict.fromkeys(CARD_FIELDS, "said")


def model(fields: Mapping[str, str] = FULL_CARD, sizes: tuple[int, ...] = ()) -> ModelManifest:
    files = tuple(ModelFile(path=f"f{n}", ref=REF.model_copy(update={"bytes": size})) for n, size in enumerate(sizes))
    return ModelManifest(kind="articles", model_id="mdl_a", dataset_id="dst_a", dataset=REF, recipe="r", config="{}",
                         base="scratch:0", card=dict(fields), files=files)  # fmt: skip


def dataset(mix: dict[str, int] | None = None, leaked: LeakReport | None = None) -> DatasetManifest:
    return DatasetManifest(kind="articles", dataset_id="dst_a", digest="0" * 64, splits={}, image_size=64,
                           leaks=leaked or LeakReport(), licences=mix or {})  # fmt: skip


def measured(low: float = 0.1, *, sources: int = 50, baseline: str = CHAMPION, after: float = 0.6) -> Measurements:
    delta = Difference(low + 0.1, low, low + 0.2, 0.01)
    return Measurements(delta, baseline, {}, 12.0, 0.4, after, sources)


@pytest.mark.parametrize(
    ("demand", "low", "passed"),
    [
        (Demand(), 0.0, False),
        (Demand(), 0.001, True),
        (Demand(margin=0.05), 0.05, False),
        (Demand(margin=0.05), 0.051, True),
        (Demand(demand="not-worse", margin=0.05), -0.05, False),
        (Demand(demand="not-worse", margin=0.05), -0.049, True),
    ],
)
def test_an_interval_must_lie_above_its_limit_whole(demand: Demand, low: float, passed: bool) -> None:
    rule = Improvement(over_champion=demand, over_start=Demand(margin=0.9))
    verdict = improvement(rule, measured(low))
    assert verdict.passed is passed
    assert (verdict.measured, verdict.limit) == (low, demand.limit)
    assert verdict.numbers == pytest.approx({
        "after": 0.6, "before": 0.4, "difference": low + 0.1, "low": low, "high": low + 0.2, "limit": demand.limit,
        "sources": 50.0,
    })  # fmt: skip
    assert not improvement(rule, measured(low, baseline=START)).passed, "over the start another demand holds"


@pytest.mark.parametrize("margin", [-0.01, 1.0])
def test_a_margin_is_a_share(margin: float) -> None:
    with pytest.raises(ValidationError):
        Demand(margin=margin)


def test_not_worse_without_a_margin_asks_nothing_that_can_be_answered() -> None:
    with pytest.raises(ValidationError, match="margin above 0"):
        Demand(demand="not-worse")


def test_the_form_of_older_files_is_one_margin_for_both() -> None:
    older = Improvement.model_validate({"over_start": "not-worse", "margin": 0.1})
    assert (older.over_champion, older.over_start) == (Demand(margin=0.1), Demand(demand="not-worse", margin=0.1))
    with pytest.raises(ValidationError):
        Improvement.model_validate("better")


@pytest.mark.parametrize(
    ("sources", "one_source", "pairs", "words"),
    [
        (TOO_FEW, "by-pair", False, f"over {TOO_FEW} sources"),
        (TOO_FEW - 1, "by-pair", True, f"over the pairs of {TOO_FEW - 1} sources"),
        (TOO_FEW - 1, "refuse", False, f"over {TOO_FEW - 1} sources, too few for one"),
        (TOO_FEW, "refuse", False, f"over {TOO_FEW} sources"),
    ],
)
def test_pairs_are_resampled_only_below_five_sources_and_where_that_is_asked(
    sources: int, one_source: str, pairs: bool, words: str
) -> None:
    rule = Improvement.model_validate({"one_source": one_source})
    assert rule.takes_pairs(sources) is pairs
    assert improvement(rule, measured(sources=sources)).reason.split("; ")[0].endswith(words)


def test_a_leak_by_either_count_refuses() -> None:
    one, two = LeakReport(near_images=1), LeakReport(captions=1, articles=1)
    assert leaks(LeakReport(), LeakReport()).passed
    for stated, counted, worst in ((one, LeakReport(), 1), (LeakReport(), one, 1), (one, two, 2), (two, one, 2)):
        verdict = leaks(stated, counted)
        assert not verdict.passed
        assert (verdict.measured, verdict.limit) == (worst, 0)
    assert leaks(one, one).reason == "1 near images in more than one split"
    assert leaks(LeakReport(), two).reason == "1 articles, 1 captions in more than one split, nothing as stated"
    numbers = leaks(one, two).numbers
    assert (numbers["near_images, as stated"], numbers["near_images, counted"], numbers["captions, counted"]) == (
        1,
        0,
        1,
    )


@pytest.mark.parametrize(("count", "others"), [(1, False), (5, False), (6, True)])
def test_withdrawn_sources_are_counted_and_five_of_them_named(count: int, others: bool) -> None:
    found = {f"art_{n}": n + 2 for n in range(count)}
    passing, refusing = withdrawn("pass", found), withdrawn("refuse", found)
    assert (passing.passed, refusing.passed) == (True, False)
    assert passing.reason.endswith("and others") is others
    assert passing.reason.count("art_") == min(count, 5)
    assert passing.numbers == {"sources": count, "pairs": sum(found.values())}
    assert (passing.measured, passing.limit) == (count, 0)
    assert withdrawn("refuse", {}).passed


def test_papers_are_read_in_order_and_withdrawals_only_where_there_are_some_or_they_are_refused() -> None:
    def gates_of(policy: str, gone: dict[str, int]) -> list[str]:
        gates = Gates.model_validate({"withdrawn": policy})
        recount = Recount(LeakReport(), {"CC-BY": 1}, gone)
        return [verdict.gate for verdict in check_papers(gates, model(), dataset(), recount)]

    rest = ["leaks", "card", "licences", "size"]
    assert gates_of("pass", {}) == rest
    assert gates_of("pass", {"art_a": 1}) == gates_of("refuse", {}) == ["withdrawn", *rest]


def test_licences_are_those_that_were_counted_else_those_that_the_manifest_states() -> None:
    gates = Gates(licences=Licences(max_share={"unknown": 0.0}))

    def passed(counted: dict[str, int] | None, stated: dict[str, int]) -> bool:
        verdicts = check_papers(gates, model(), dataset(stated), Recount(LeakReport(), counted))
        return next(verdict.passed for verdict in verdicts if verdict.gate == "licences")

    assert not passed({"unknown": 1}, {"CC-BY": 1})
    assert passed({"CC-BY": 1}, {"unknown": 1})
    assert not passed({}, {"unknown": 1})
    assert passed(None, {"unknown": 1}), "sources of this kind carry none"


@pytest.mark.parametrize(("unknown", "passed"), [(4, True), (5, True), (6, False)])
def test_a_licence_may_have_the_share_that_is_its_limit(unknown: int, passed: bool) -> None:
    verdict = licences(Licences(max_share={"unknown": 0.05, "all rights reserved": 0.0}),
                       {"unknown": unknown, "CC-BY": 100 - unknown})  # fmt: skip
    assert verdict.passed is passed
    assert verdict.numbers == {
        "share of unknown": unknown / 100, "share of CC-BY": 1 - unknown / 100,
        "limit of unknown": 0.05, "limit of all rights reserved": 0.0,
    }  # fmt: skip
    assert ("unknown is 6.0%, allowed 5.0%" in verdict.reason) is not passed
    assert ("the mix is allowed: CC-BY" in verdict.reason) is passed


def test_a_dataset_that_names_no_licence_passes_only_where_none_is_limited() -> None:
    assert licences(Licences(), {}).passed
    assert not licences(Licences(max_share={"unknown": 1.0}), {}).passed
    assert licences(Licences(max_share={"unknown": 0.0}), None).passed


def test_a_card_s_fields_must_hold_a_word() -> None:
    verdict = card(("intended_use", "risks"), model({"intended_use": "search", "risks": " \n"}))
    assert not verdict.passed
    assert verdict.reason == "empty: risks"
    assert (verdict.measured, verdict.limit) == (1, 0)
    assert verdict.numbers == {"required fields": 2, "empty fields": 1}
    assert card(CARD_FIELDS, model()).passed
    assert not card(("missing",), model()).passed


@pytest.mark.parametrize(("sizes", "passed"), [((1 << 20, 1 << 20), True), ((1 << 20, (1 << 20) + 1), False)])
def test_all_files_together_may_be_as_large_as_the_limit(sizes: tuple[int, ...], passed: bool) -> None:
    verdict = size(Cost(max_mib=2), model(sizes=sizes))
    assert verdict.passed is passed
    assert verdict.measured == sum(sizes) / (1 << 20)
    assert verdict.numbers == {"measured": verdict.measured, "limit": 2}


def test_latency_may_be_as_long_as_the_limit() -> None:
    assert latency(Cost(max_latency_ms=20), 20.0).passed
    assert not latency(Cost(max_latency_ms=20), 20.1).passed


def queries(low: float, after: float) -> Measurements:
    found = QueriesFound(40, 0.5, after, Difference(low, low, low, 0.5))
    return Measurements(Difference(0, 0, 0, 1), CHAMPION, {}, 1.0, 0, 0, 50, queries=found)


@pytest.mark.parametrize(
    ("low", "after", "passed"),
    [(-0.04, 0.6, True), (-0.05, 0.6, False), (-0.04, 0.5, True), (-0.04, 0.499, False), (-0.5, 0.4, False)],
)
def test_queries_need_their_interval_and_their_floor(low: float, after: float, passed: bool) -> None:
    verdict = reader_queries(Queries(least=0.5), queries(low, after))
    assert verdict.passed is passed
    assert verdict.numbers["least"] == 0.5
    assert verdict.numbers["queries"] == 40
    assert (verdict.numbers["before"], verdict.numbers["after"]) == (0.5, after)


@pytest.mark.parametrize(("policy", "passed"), [("refuse", False), ("pass", True)])
def test_what_was_not_measured_passes_only_where_that_is_said(policy: str, passed: bool) -> None:
    nothing = measured()
    asked = reader_queries(Queries.model_validate({"without_queries": policy, "least": 0.3}), nothing)
    found = findings(Findings.model_validate({"without_findings": policy, "least": 0.4}), nothing)
    general = general_loss(GeneralLoss.model_validate({"suite": "s", "without_data": policy, "max_drop": 0.1}), {})
    assert [verdict.passed for verdict in (asked, found, general)] == [passed] * 3
    assert [verdict.limit for verdict in (asked, found, general)] == [0.3, 0.4, 0.1]
    assert all(verdict.reason.startswith("not measured") for verdict in (asked, found, general))
    assert "the suite s gave nothing" in general.reason
    assert "no folder" in general_loss(GeneralLoss(suite="s"), {}, "no folder").reason


def finding(each: dict[str, float], low: float, after: float) -> Measurements:
    found = FindingsFound(each, 0.7, after, Difference(low, low, low, 0.5))
    return Measurements(Difference(0, 0, 0, 1), START, {}, 1.0, 0, 0, 50, findings=found)


@pytest.mark.parametrize(
    ("low", "after", "lowest", "passed"),
    [
        (0.0, 0.8, 0.6, True), (-0.05, 0.8, 0.6, False), (0.0, 0.75, 0.6, True), (0.0, 0.749, 0.6, False),
        (0.0, 0.8, 0.599, False),
    ],
)  # fmt: skip
def test_findings_need_their_interval_their_mean_and_each_of_them(
    low: float, after: float, lowest: float, passed: bool
) -> None:
    rule = Findings(least=0.75, least_each=0.6)
    verdict = findings(rule, finding({"glioma": 0.9, "infarct": lowest, "abscess": 0.95}, low, after))
    assert verdict.passed is passed
    assert f"lowest infarct, {lowest:.4f}, of 0.6" in verdict.reason
    assert verdict.numbers["AUROC of infarct"] == lowest
    assert (verdict.numbers["least"], verdict.numbers["least of each"]) == (0.75, 0.6)


@pytest.mark.parametrize(("lows", "drop", "passed"), [((-0.05, 0.1), 0.05, True), ((0.1, -0.051), 0.051, False)])
def test_the_worse_drop_counts_and_may_be_the_cap(lows: tuple[float, float], drop: float, passed: bool) -> None:
    found = {name: Difference(low, low, low, 1) for name, low in zip((START, CHAMPION), lows, strict=True)}
    verdict = general_loss(GeneralLoss(suite="imagenet", max_drop=0.05), found)
    assert verdict.passed is passed
    assert verdict.measured == pytest.approx(drop)
    assert verdict.numbers[f"low against {CHAMPION}"] == lows[1]
    assert verdict.numbers["largest allowed drop"] == verdict.limit == 0.05


def test_a_gate_that_is_not_configured_is_not_run() -> None:
    everything = Gates(queries=Queries(), findings=Findings(), general=GeneralLoss(suite="imagenet"))
    assert [verdict.gate for verdict in check_measurements(Gates(), measured())] == ["improvement", "latency"]
    assert [verdict.gate for verdict in check_measurements(everything, measured())] == [
        "improvement", "latency", "queries", "findings", "general",
    ]  # fmt: skip


def test_defaults_are_those_of_the_documentation() -> None:
    gates = Gates()
    assert (gates.signature, gates.withdrawn, gates.approval, gates.card) == ("required", "pass", False, CARD_FIELDS)
    assert (gates.cost.max_mib, gates.cost.max_latency_ms) == (4096, 2000)
    assert (gates.improvement.metric, gates.improvement.multi_positive, gates.improvement.one_source) == (
        "r10", True, "refuse",
    )  # fmt: skip
    assert gates.improvement.over_champion == gates.improvement.over_start == Demand()
    for rule in (Queries(), Findings()):
        assert rule.over_champion == rule.over_start == Demand(demand="not-worse", margin=0.05)
        assert rule.least == 0
    assert Findings().least_each == 0
    assert GeneralLoss(suite="s").max_drop == 0.05
    assert len(gates.digest) == 16
    for wrong in ({"least": 1.1}, {"least": -0.1}):
        with pytest.raises(ValidationError):
            Queries.model_validate(wrong)
        with pytest.raises(ValidationError):
            Findings.model_validate(wrong)
    for each in ({"least_each": 1.1}, {"least_each": -0.1}):
        with pytest.raises(ValidationError):
            Findings.model_validate(each)
    for one in (Queries, Findings):
        assert one.model_validate({"least": 1.0}).least == 1
    with pytest.raises(ValidationError):
        GeneralLoss(suite="s", max_drop=-0.1)
    with pytest.raises(ValidationError):
        gates.approval = True  # type: ignore[misc]
