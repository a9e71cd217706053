"""Remarks, disputes and assignments: stored facts, who may say and see what, and how far a review has come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_inference.auth import Principal
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import Forbidden, NotFound, QueryInvalid
from journalclip_inference.review.assignments import Assign, Assignments, assigned_to, progress, share_out
from journalclip_inference.review.remarks import Remark, Remarks, disputes, remarks_for
from journalclip_inference.review.service import Decide, ReviewService
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.events import ReviewRemarked, ReviewsAssigned
from journalclip_shared.reviewing import read_assignments, read_remarks
from journalclip_shared.testing.memory import MemoryArtifacts


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Over a collection of its own: what other tests decided of the shared one leaves too little to assign."""
    world = small_world(LocalArtifacts(tmp_path / "artifacts"))
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    made = make_site(world, tmp_path)
    assert made.service.reloader.check()
    return made


VIV, ADA, BEN, EVA = (
    Principal(name, role)  # type: ignore[arg-type]  # mypy sees plain strings
    for name, role in (("viv", "viewer"), ("ada", "reviewer"), ("ben", "reviewer"), ("eva", "steward"))
)


def ticking() -> Iterator[datetime]:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in count())


@pytest.fixture
def said() -> tuple[Remarks, list[ReviewRemarked]]:
    announced: list[ReviewRemarked] = []
    clock = ticking()
    return Remarks(MemoryArtifacts(), announced.append, lambda: next(clock)), announced


def test_a_report_is_open_until_it_is_settled_by_name(said: tuple[Remarks, list[ReviewRemarked]]) -> None:
    remarks, announced = said
    report = remarks.say(Remark(pair_id="pair_a", purpose="report", reason="wrong-caption"), "art_1", VIV)
    note = remarks.say(Remark(pair_id="pair_a", purpose="note", text="Left and right?"), "art_1", ADA)
    (waiting,) = disputes([], remarks.every())
    assert (waiting.pair_id, waiting.why, waiting.remarks) == ("pair_a", ("reported",), (report, note))
    wanted = Remark(pair_id="pair_a", purpose="settlement", settles=report.remark_id, text="The caption is right.")
    remarks.say(wanted, "art_1", EVA)
    assert disputes([], remarks.every()) == []
    assert [each.purpose for each in announced] == ["report", "note", "settlement"]
    assert [each.remark_id for each in announced] == [each.remark_id for each in remarks.about("pair_a")]
    assert all(each.document.uri.startswith("artifact://datasets/manifests/remarked/pair_a/") for each in announced)


def test_who_may_say_what_and_what_makes_no_sense_is_refused(said: tuple[Remarks, list[ReviewRemarked]]) -> None:
    remarks, announced = said
    for purpose, who in (("note", VIV), ("dispute", VIV), ("settlement", ADA)):
        with pytest.raises(Forbidden, match="this takes the role"):
            remarks.say(Remark.model_validate({"pair_id": "pair_a", "purpose": purpose, "text": "x"}), "art_1", who)
    for purpose in ("note", "dispute"):
        with pytest.raises(QueryInvalid, match="says something"):
            remarks.say(Remark.model_validate({"pair_id": "pair_a", "purpose": purpose, "text": "  "}), "art_1", ADA)
    with pytest.raises(QueryInvalid, match="names what it settles"):
        remarks.say(Remark(pair_id="pair_a", purpose="settlement"), "art_1", EVA)
    note = remarks.say(Remark(pair_id="pair_a", purpose="note", text="A note."), "art_1", ADA)
    for settled in ("evt_unknown", note.remark_id):
        with pytest.raises(NotFound):
            remarks.say(Remark(pair_id="pair_a", purpose="settlement", settles=settled), "art_1", EVA)
    assert len(announced) == 1


def test_readers_who_disagree_and_a_dispute_wait_for_a_steward_whose_decision_settles_both(
    world: World, engine: SearchEngine
) -> None:
    clock = ticking()
    desk = ReviewService(world.store, lambda _: None, lambda: next(clock))
    remarks = Remarks(world.store, lambda _: None, lambda: next(clock))
    first, second = (engine.snapshot.reader.row(pair.pair_id) for pair in world.pairs[20:22])
    pair_id, other = first.pair.pair_id, second.pair.pair_id
    desk.decide(first, Decide(pair_id=pair_id, choice="accept"), ADA)
    desk.decide(first, Decide(pair_id=pair_id, choice="reject"), BEN)
    desk.decide(second, Decide(pair_id=other, choice="accept"), ADA)
    remarks.say(Remark(pair_id=other, purpose="dispute", text="Two figures in one."), second.pair.article_id, BEN)

    def waiting() -> dict[str, tuple[str, ...]]:
        found = disputes(desk.decisions(), remarks.every())
        return {each.pair_id: each.why for each in found if each.pair_id in (pair_id, other)}

    assert waiting() == {pair_id: ("readers-disagree",), other: ("disputed",)}
    word = desk.decide(first, Decide(pair_id=pair_id, choice="accept"), EVA)
    desk.decide(second, Decide(pair_id=other, choice="accept"), EVA)
    assert waiting() == {}
    desk.decide(first, Decide(pair_id=pair_id, choice="undo", undoes=word.decision_id), EVA)
    assert waiting() == {pair_id: ("readers-disagree",)}, "what a steward takes back is open again"


def test_a_second_reader_sees_no_remark_before_deciding(said: tuple[Remarks, list[ReviewRemarked]]) -> None:
    remarks, _ = said
    note = remarks.say(Remark(pair_id="pair_a", purpose="note", text="Poor."), "art_1", ADA)
    found = remarks.about("pair_a")
    assert [remarks_for(who, found, decided) for who, decided in ((BEN, False), (BEN, True), (ADA, False))] == [
        [], [note], [note],
    ]  # fmt: skip
    assert remarks_for(EVA, found, decided=False) == [note]


@given(
    st.integers(0, 120),
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True),
    st.floats(0, 1),
)
def test_pairs_are_shared_out_evenly_and_the_asked_share_to_two(pairs: int, readers: list[str], overlap: float) -> None:
    wanted = overlap if len(readers) > 1 else 0.0
    pair_ids = [f"pair_{n:03d}" for n in range(pairs)]
    shares = share_out(pair_ids, readers, wanted)
    assert set(shares) == set(readers)
    assert max(map(len, shares.values())) - min(map(len, shares.values())) <= 1
    assert all(len(set(share)) == len(share) and list(share) == sorted(share) for share in shares.values())
    readings = [sum(pair_id in share for share in shares.values()) for pair_id in pair_ids]
    assert all(each in (1, 2) for each in readings)
    assert readings.count(2) == int(pairs * wanted)


def test_an_assignment_is_followed_until_it_ends() -> None:
    announced: list[ReviewsAssigned] = []
    clock = ticking()
    store = MemoryArtifacts()
    assignments = Assignments(store, announced.append, lambda: next(clock))
    with pytest.raises(QueryInvalid, match="cannot read a pair twice"):
        assignments.assign(Assign(title="Alone", readers=("ada",), pairs=2, overlap=0.5), ["pair_a"], EVA)
    with pytest.raises(QueryInvalid, match="no doubted pair is left"):
        assignments.assign(Assign(title="None", readers=("ada", "ben"), pairs=2), [], EVA)
    made = assignments.assign(
        Assign(title="January", readers=("ada", "ben"), pairs=4, overlap=0.5),
        [f"pair_{letter}" for letter in "abcd"], EVA,
    )  # fmt: skip
    assert assignments.standing() == read_assignments(store) == [made]
    assert (announced[0].pairs, announced[0].by, announced[0].key) == (4, "eva", made.assignment_id)
    assert set(assigned_to("ada", [made])) | set(assigned_to("ben", [made])) == made.pairs
    assert assigned_to("cyd", [made]) == ()
    (found,) = progress([made], [])
    assert (found.pairs, found.done, sum(each.assigned for each in found.readers)) == (4, 0, 6)
    assignments.end(made.assignment_id, EVA)
    assert assignments.standing() == []
    with pytest.raises(NotFound):
        assignments.end(made.assignment_id, EVA)


def test_over_http_a_steward_assigns_and_reviewers_come_to_the_end(site: Site) -> None:
    steward, first, second = (site.client(role) for role in ("steward", "reviewer", "reviewer2"))
    body = {"title": "Both", "readers": ["reviewer-1", "reviewer-2"], "pairs": 3, "overlap": 1 / 3}
    assert first.post("/v1/review/assignments", json=body).status_code == 403
    made = steward.post("/v1/review/assignments", json=body)
    assert made.status_code == 201
    share = made.json()["shares"]["reviewer-1"]
    queued = first.get("/v1/review/queue?assigned=true").json()
    assert [item["pair"]["pair_id"] for item in queued["items"]] == share
    assert (queued["left"], queued["assigned"]) == (len(share), len(share))
    again = steward.post("/v1/review/assignments", json={**body, "pairs": 200}).json()
    assert not set(share) & {pair_id for pairs in again["shares"].values() for pair_id in pairs}
    decided = [
        first.post("/v1/review/decisions", json={"pair_id": pair_id, "choice": "accept"}).json() for pair_id in share
    ]
    assert first.get("/v1/review/queue?assigned=true").json()["assigned"] >= 0
    mine, all_of_it = (
        next(
            each
            for each in client.get("/v1/review/progress").json()["assignments"]
            if each["assignment_id"] == made.json()["assignment_id"]
        )
        for client in (first, steward)
    )
    assert mine["readers"] == [{"reader": "reviewer-1", "assigned": len(share), "done": len(share)}]
    assert {each["reader"] for each in all_of_it["readers"]} == {"reviewer-1", "reviewer-2"}
    assert all_of_it["done"] < all_of_it["pairs"], "the second reader has read nothing"
    assert set(first.get("/v1/review/progress").json()["by_reader"]) <= {"reviewer-1"}
    for decision in decided:
        undo = {"pair_id": decision["pair_id"], "choice": "undo", "undoes": decision["decision_id"]}
        assert first.post("/v1/review/decisions", json=undo).status_code == 201
    for each in (made.json(), again):
        assert second.delete(f"/v1/review/assignments/{each['assignment_id']}").status_code == 403
        assert steward.delete(f"/v1/review/assignments/{each['assignment_id']}").status_code == 200
    assert first.get("/v1/review/queue?assigned=true").json()["items"] == []


def test_over_http_a_report_reaches_the_stewards_and_is_settled(site: Site) -> None:
    viewer, reviewer, steward = (site.client(role) for role in ("viewer", "reviewer", "steward"))
    pair_id = viewer.post("/v1/search", json={"text": "axial", "k": 1}).json()["hits"][0]["pair_id"]
    report = {"pair_id": pair_id, "purpose": "report", "reason": "wrong-panel", "text": "Panel B is shown."}
    made = viewer.post("/v1/review/remarks", json=report)
    assert made.status_code == 201
    assert (made.json()["author"], made.json()["role"]) == ("viewer-1", "viewer")
    (fact,) = (each.fact for each in site.bus if isinstance(each.fact, ReviewRemarked))
    assert fact.remark_id == made.json()["remark_id"]
    assert reviewer.get("/v1/review/disputes").status_code == 403
    (item,) = steward.get("/v1/review/disputes").json()["items"]
    assert (item["dispute"]["why"], item["pair"]["pair_id"]) == (["reported"], pair_id)
    history = reviewer.get(f"/v1/review/history/{pair_id}").json()
    assert (history["remarks"], history["hidden"]) == ([], 1)
    settle = {"pair_id": pair_id, "purpose": "settlement", "settles": made.json()["remark_id"], "text": "It is A."}
    assert reviewer.post("/v1/review/remarks", json=settle).status_code == 403
    assert steward.post("/v1/review/remarks", json=settle).status_code == 201
    assert steward.get("/v1/review/disputes").json()["items"] == []
    assert len(steward.get(f"/v1/review/history/{pair_id}").json()["remarks"]) == 2
    unknown = viewer.post("/v1/review/remarks", json={**report, "pair_id": "pair_unknown"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    assert len(read_remarks(site.world.store, pair_id)) == 2
