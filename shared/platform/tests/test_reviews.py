from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_shared.artifacts import blob_ref
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.article import Box
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.review import Choice, ReviewDecision, decision_id
from journalclip_shared.records.withdrawal import Picture
from journalclip_shared.reviews import apply_verdicts, bound, read_decisions, verdicts_of, write_decision

IMAGE = blob_ref("figures", sha256_hex(b"crop"), 4, "image/png")
PAIR = Pair(
    pair_id="pair_a",
    article_id="art_a",
    figure_id="fig_a",
    label="Figure 1.",
    image=IMAGE,
    phash="0" * 16,
    text="As printed.",
    record=CaptionRecord(),
    page=1,
)


def decision(second: int, choice: Choice, who: str = "ada", role: str = "reviewer", **more: object) -> ReviewDecision:
    time = f"2026-01-01T00:00:{second:02d}.000+00:00"
    known = {"pair_id": "pair_a", "article_id": "art_a", "reviewer": who, "role": role, "choice": choice, "time": time}
    return ReviewDecision.model_validate({**known, "decision_id": decision_id("pair_a", who, time), **more})


@pytest.mark.parametrize(
    ("decisions", "standing"),
    [
        ([decision(1, "accept")], "keep"),
        ([decision(1, "reject")], "drop"),
        ([decision(1, "reject"), decision(2, "accept")], "keep"),  # one's own later word counts
        ([decision(1, "accept"), decision(2, "reject", "ben")], "disputed"),
        ([decision(1, "edit", text="x"), decision(2, "accept", "ben")], "keep"),  # an edit keeps the pair
        ([decision(1, "accept"), decision(2, "reject", "ben"), decision(3, "reject", "eva", "steward")], "drop"),
        ([decision(1, "reject", "eva", "admin"), decision(2, "accept"), decision(3, "accept", "ben")], "drop"),
    ],
)
def test_what_decisions_come_to(decisions: list[ReviewDecision], standing: str) -> None:
    found = verdicts_of([], decisions)["pair_a"]
    assert found.standing == standing
    kept = apply_verdicts([PAIR], {"pair_a": found})
    assert bool(kept) == (standing == "keep")


def test_an_undone_decision_is_as_if_it_had_not_been() -> None:
    first = decision(1, "reject")
    undone = decision(2, "undo", undoes=first.decision_id)
    assert verdicts_of([], [first, undone]) == {}
    assert apply_verdicts([PAIR], {}) == [PAIR]


def test_an_edit_makes_a_new_pair() -> None:
    box = Box(x0=1, y0=1, x1=9, y1=9)
    crop = blob_ref("figures", sha256_hex(b"new"), 3, "image/png")
    (by_text,) = apply_verdicts([PAIR], verdicts_of([], [decision(1, "edit", text="Mended.")]))
    (by_box,) = apply_verdicts([PAIR], verdicts_of([], [decision(1, "edit", box=box, image=crop)]))
    assert (by_text.text, by_text.image, by_text.phash) == ("Mended.", IMAGE, PAIR.phash)
    assert (by_box.text, by_box.box, by_box.image, by_box.phash) == (PAIR.text, box, crop, None)
    assert len({PAIR.pair_id, by_text.pair_id}) == 2


def test_decisions_are_kept_in_the_store_in_order(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    later, earlier = decision(5, "accept"), decision(2, "reject", "ben")
    for each in (later, earlier, later):
        write_decision(store, each)
    assert read_decisions(store) == read_decisions(store, "pair_a") == [earlier, later]
    assert read_decisions(store, "pair_b") == []


def seen(pair: Pair) -> Picture:
    return Picture(sha256=pair.image.sha256, phash=pair.phash)


def renamed(pair: Pair, **more: object) -> Pair:
    return pair.model_copy(update={"pair_id": "pair_later", "figure_id": "fig_later", **more})


def test_a_decision_holds_for_the_picture_when_the_pair_is_renamed() -> None:
    rejected = decision(1, "reject", picture=seen(PAIR))
    later = renamed(PAIR)
    assert verdicts_of([later], [rejected])["pair_later"].standing == "drop"
    assert apply_verdicts([later], verdicts_of([later], [rejected])) == []
    elsewhere = renamed(PAIR, article_id="art_b")
    assert apply_verdicts([elsewhere], verdicts_of([elsewhere], [rejected])) == [elsewhere]


def test_a_crop_that_differs_by_a_few_bits_is_the_same_picture() -> None:
    crop = blob_ref("figures", sha256_hex(b"cut anew"), 8, "image/png")
    looked_at = PAIR.model_copy(update={"phash": "00ff00ff00ff00ff"})
    rejected = decision(1, "reject", picture=seen(looked_at))
    for phash, dropped in (("00ff00ff00ff00fe", True), ("ff00ff00ff00ff00", False)):
        later = renamed(PAIR, image=crop, phash=phash)
        assert (apply_verdicts([later], verdicts_of([later], [rejected])) == []) == dropped


def test_a_wrong_caption_is_of_one_pair_and_a_person_of_every_pair_with_the_picture() -> None:
    twin = renamed(PAIR)
    for reason, kept in (("wrong-caption", [twin]), ("identifiable-person", [])):
        rejected = decision(1, "reject", reason=reason, picture=seen(PAIR))
        assert apply_verdicts([PAIR, twin], verdicts_of([PAIR, twin], [rejected])) == kept


def test_a_rejection_of_the_edited_pair_holds() -> None:
    edit = decision(1, "edit", text="Mended.")
    (mended,) = apply_verdicts([PAIR], verdicts_of([PAIR], [edit]))
    rejected = decision(2, "reject", "ben", pair_id=mended.pair_id)
    assert apply_verdicts([PAIR], verdicts_of([PAIR], [edit, rejected])) == []


def test_decisions_of_before_find_their_picture_in_the_older_document(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    older = StructuredArticle(
        article_id="art_a", structurer="s-1", extractor="e-1", source=IMAGE, name="a.pdf", pdf=IMAGE, pairs=(PAIR,)
    )
    store.put_manifest("figures", "structured/e-1/s-1/art_a", older.canonical())
    later = renamed(PAIR)
    rejected = decision(1, "reject")
    assert verdicts_of([later], [rejected]).get("pair_later") is None
    found = bound(store, [rejected], {"pair_later"})
    assert apply_verdicts([later], verdicts_of([later], found)) == []
