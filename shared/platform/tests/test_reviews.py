from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_shared.artifacts import blob_ref
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.article import Box
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.review import Choice, ReviewDecision, decision_id
from journalclip_shared.reviews import apply_verdicts, read_decisions, verdicts, write_decision

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
    found = verdicts(decisions)["pair_a"]
    assert found.standing == standing
    kept = apply_verdicts([PAIR], {"pair_a": found})
    assert bool(kept) == (standing == "keep")


def test_an_undone_decision_is_as_if_it_had_not_been() -> None:
    first = decision(1, "reject")
    undone = decision(2, "undo", undoes=first.decision_id)
    assert verdicts([first, undone]) == {}
    assert apply_verdicts([PAIR], {}) == [PAIR]


def test_an_edit_makes_a_new_pair() -> None:
    box = Box(x0=1, y0=1, x1=9, y1=9)
    crop = blob_ref("figures", sha256_hex(b"new"), 3, "image/png")
    (by_text,) = apply_verdicts([PAIR], verdicts([decision(1, "edit", text="Mended.")]))
    (by_box,) = apply_verdicts([PAIR], verdicts([decision(1, "edit", box=box, image=crop)]))
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
