from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site
from journalclip_inference.auth import Principal
from journalclip_inference.engine import SearchEngine
from journalclip_inference.errors import NotFound, QueryInvalid
from journalclip_inference.review.agreement import agreements, cohen_kappa
from journalclip_inference.review.queue import doubts_of, queue
from journalclip_inference.review.service import Decide, ReviewService
from journalclip_shared.events import ReviewDecided
from journalclip_shared.records.article import Box, Quality
from journalclip_shared.reviews import apply_verdicts, read_decisions, verdicts_of

ADA, BEN, EVA = Principal("ada", "reviewer"), Principal("ben", "reviewer"), Principal("eva", "steward")


def desk_of(world: World) -> tuple[ReviewService, list[ReviewDecided]]:
    ticks = count()
    announced: list[ReviewDecided] = []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return ReviewService(world.store, announced.append, lambda: start + timedelta(seconds=next(ticks))), announced


def test_decisions_change_the_next_dataset(world: World, engine: SearchEngine) -> None:
    desk, announced = desk_of(world)
    rows = [engine.snapshot.reader.row(pair.pair_id) for pair in world.pairs[:5]]
    accepted, rejected, edited, disputed, undone = rows

    def decide(row: object, choice: str, who: Principal = ADA, **more: object) -> str:
        found = next(each for each in rows if each is row)
        wanted = Decide.model_validate({"pair_id": found.pair.pair_id, "choice": choice, **more})
        return desk.decide(found, wanted, who).decision_id

    decide(accepted, "accept")
    decide(rejected, "reject", reason="poor-image")
    decide(edited, "edit", text="Mended.")
    decide(disputed, "accept")
    decide(disputed, "reject", BEN)
    first = decide(undone, "reject")
    decide(undone, "undo", undoes=first)
    found = verdicts_of([], read_decisions(world.store))
    pairs = [row.pair for row in rows]
    kept = apply_verdicts(pairs, found)
    assert [pair.pair_id for pair in kept if pair in pairs] == [accepted.pair.pair_id, undone.pair.pair_id]
    (new,) = (pair for pair in kept if pair not in pairs)
    assert new.text == "Mended."
    assert new.pair_id != edited.pair.pair_id
    assert new.figure_id == edited.pair.figure_id
    assert found[disputed.pair.pair_id].standing == "disputed"
    decide(disputed, "accept", EVA)
    assert verdicts_of([], read_decisions(world.store))[disputed.pair.pair_id].standing == "keep"
    assert [fact.decision_id for fact in announced] == [d.decision_id for d in read_decisions(world.store)]
    assert desk.decided_by(desk.decisions(), ADA) == {
        row.pair.pair_id for row in (accepted, rejected, edited, disputed)
    }


def test_what_makes_no_sense_is_refused(world: World, engine: SearchEngine) -> None:
    desk, announced = desk_of(world)
    row = next(row for p in world.pairs if (row := engine.snapshot.reader.row(p.pair_id)).pair.panel_id)
    figure = row.figure_box
    assert figure is not None
    name = row.pair.pair_id
    with pytest.raises(QueryInvalid, match="changes the caption or the box"):
        desk.decide(row, Decide(pair_id=name, choice="edit"), ADA)
    for box in (figure.model_copy(update={"x1": figure.x1 + 50}), figure.model_copy(update={"x1": figure.x0 + 1})):
        with pytest.raises(QueryInvalid, match="must lie on the figure"):
            desk.decide(row, Decide(pair_id=name, choice="edit", box=box), ADA)
    bare = row.model_copy(update={"figure_box": None})
    with pytest.raises(QueryInvalid, match="no box to cut from"):
        desk.decide(bare, Decide(pair_id=name, choice="edit", box=Box(x0=0, y0=0, x1=9, y1=9)), ADA)
    hers = desk.decide(row, Decide(pair_id=name, choice="accept"), ADA)
    for undoes in (None, "evt_unknown", hers.decision_id):
        with pytest.raises(NotFound):
            desk.decide(row, Decide(pair_id=name, choice="undo", undoes=undoes), BEN)
    assert len(announced) == 1


def test_the_queue_holds_the_doubted_the_worst_first(engine: SearchEngine) -> None:
    reader = engine.snapshot.reader
    everything = queue(reader, frozenset(), None, 200).items
    assert [(-len(d.doubts), -d.loss) for d in everything] == sorted((-len(d.doubts), -d.loss) for d in everything)
    assert all(each.doubts for each in everything)
    for_quality = queue(reader, frozenset(), "quality", 200).items
    assert {"quality"} <= set.intersection(*(set(each.doubts) for each in for_quality))
    decided = frozenset([everything[0].hit.pair_id])
    assert everything[0].hit.pair_id not in {d.hit.pair_id for d in queue(reader, decided, None, 200).items}
    two = queue(reader, frozenset(), None, 2)
    assert (len(two.items), two.left) == (2, len(everything))


def test_doubts_say_why(engine: SearchEngine) -> None:
    row = engine.snapshot.collection.row(0)
    sure = Quality(usefulness="imaging", score=1, by="test")
    plain = row.model_copy(update={"pair": row.pair.model_copy(update={"quality": sure, "tier": "whole"}), "loss": 0.0})
    assert doubts_of(plain, 1.0) == ()
    lettered = plain.pair.model_copy(update={"text": "(A) Before. (B) After."})
    assert doubts_of(plain.model_copy(update={"pair": lettered}), 1.0) == ("alignment",)
    assert doubts_of(plain.model_copy(update={"loss": 2.0}), 1.0) == ("loss",)
    record = plain.pair.record.model_copy(update={"flags": ("low-read-share", "hidden-instruction")})
    flagged = plain.pair.model_copy(update={"record": record})
    assert doubts_of(plain.model_copy(update={"pair": flagged}), 1.0) == ("instruction", "unread")


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_kappa_is_symmetric_and_at_most_one(answers: list[tuple[bool, bool]]) -> None:
    kappa = cohen_kappa(answers)
    assert kappa == cohen_kappa([(b, a) for a, b in answers])
    assert kappa is None or kappa <= 1
    if kappa == 1:
        assert all(a == b for a, b in answers)


def test_kappa_of_a_known_table() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: observed 0.7, expected 0.5 (Cohen's own kind of example)
    answers = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    assert cohen_kappa(answers) == pytest.approx(0.4)
    assert cohen_kappa([(True, True)] * 3) is None
    assert agreements([]) == []


def test_a_decision_over_http_is_stored_and_announced(site: Site) -> None:
    client = site.client("reviewer")
    item = client.get("/v1/review/queue?limit=5").json()["items"][0]
    body = {"pair_id": item["pair"]["pair_id"], "choice": "reject", "reason": "off-topic"}
    made = client.post("/v1/review/decisions", json=body)
    assert made.status_code == 201
    assert made.json()["reviewer"] == "reviewer-1"
    (event,) = site.bus
    assert isinstance(event.fact, ReviewDecided)
    assert event.fact.decision_id == made.json()["decision_id"]
    undo = {"pair_id": body["pair_id"], "choice": "undo", "undoes": made.json()["decision_id"]}
    assert client.post("/v1/review/decisions", json=undo).status_code == 201
    assert site.client().post("/v1/review/decisions", json=body).status_code == 403
    assert client.post("/v1/review/decisions", json={**body, "pair_id": "pair_unknown"}).status_code == 404


def test_a_second_reader_is_blind_and_progress_is_counted(site: Site) -> None:
    first, second, steward = (site.client(role) for role in ("reviewer", "reviewer2", "steward"))
    queued = first.get("/v1/review/queue?limit=1").json()
    body = {"pair_id": queued["items"][0]["pair"]["pair_id"], "choice": "accept"}
    made = [first.post("/v1/review/decisions", json=body).json()]
    after = first.get("/v1/review/queue?limit=1").json()
    assert (after["left"], after["decided"]) == (queued["left"] - 1, queued["decided"] + 1)
    assert second.get("/v1/review/queue?limit=1").json()["left"] == queued["left"]

    def seen(client: TestClient) -> set[str]:
        found = client.get("/v1/review/decisions").json()["decisions"]
        return {each["reviewer"] for each in found if each["pair_id"] == body["pair_id"]}

    assert seen(second) == set(), "the second reader does not see what the first one said"
    assert seen(steward) == {"reviewer-1"}
    made.append(second.post("/v1/review/decisions", json={**body, "choice": "reject"}).json())
    assert seen(second) == {"reviewer-1", "reviewer-2"}
    for client, decision in zip((first, second), made, strict=True):  # other tests share the collection
        undo = {"pair_id": body["pair_id"], "choice": "undo", "undoes": decision["decision_id"]}
        assert client.post("/v1/review/decisions", json=undo).status_code == 201


def test_a_rejection_hides_at_once_from_readers_and_not_from_reviewers(site: Site) -> None:
    site.service.app.state.serving.withholding._fresh_s = 0.0
    reader, reviewer, other = site.client("viewer"), site.client("reviewer"), site.client("reviewer2")

    def found() -> set[str]:
        hits = reader.post("/v1/search", json={"text": "axial", "k": 100}).json()["hits"]
        return {hit["pair_id"] for hit in hits}

    everything = found()
    pair_id = reviewer.get("/v1/review/queue?limit=1").json()["items"][0]["pair"]["pair_id"]
    body = {"pair_id": pair_id, "choice": "reject", "reason": "identifiable-person"}
    made = reviewer.post("/v1/review/decisions", json=body).json()
    assert made["picture"]["sha256"], "the decision is bound to what was looked at"
    assert pair_id not in found() < everything
    refused = reader.get(f"/v1/images/{pair_id}")
    assert (refused.status_code, refused.json()["code"]) == (410, "pair-rejected")
    assert other.get(f"/v1/images/{pair_id}").status_code == 200
    queued = other.get("/v1/review/queue?limit=200").json()["items"]
    assert pair_id in {item["pair"]["pair_id"] for item in queued}
    undo = {"pair_id": pair_id, "choice": "undo", "undoes": made["decision_id"]}
    assert reviewer.post("/v1/review/decisions", json=undo).status_code == 201
    assert found() == everything
