from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_freezing.splits import LONG_CAPTION_WORDS, SPLITS, SplitShares, _side
from journalclip_freezing.splits import assign as assigned
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.components import components
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.leaks import LeakCount
from journalclip_shared.pairtable import PairTable, normalised
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair

LONG = (
    "axial CT of the head of this patient shows a left subdural haematoma "
    "with midline shift to the right and effaced sulci"
)
SHARES = SplitShares(val=0.2, test=0.2)


def pair(article: int, figure: int, image: str, text: str, phash: str | None = None) -> Pair:
    digest = sha256_hex(image.encode())
    return Pair(
        pair_id=make_id("pair", str(article), str(figure)),
        article_id=f"art_{article:03d}",
        figure_id=f"fig_{article}_{figure}",
        label=f"Figure {figure}",
        image=ArtifactRef(uri=f"artifact://figures/{digest}", sha256=digest, bytes=1, media_type="image/png"),
        phash=phash,
        text=text,
        record=CaptionRecord(),
        page=1,
    )


@dataclass(frozen=True)
class Assigned:
    splits: dict[Split, list[str]]
    dropped: int
    leaks: LeakReport


def assign(found: Sequence[Pair], shares: SplitShares, seed: int) -> Assigned:
    table = PairTable()
    for each in found:
        table.add(each)
    dropped = assigned(table, shares, seed)
    return Assigned({split: [each for each, _ in table.members(split)] for split in SPLITS}, dropped, table.leaks())


# Few distinct images, hashes and captions, so that articles collide in every way.
pairs = st.lists(
    st.tuples(
        st.integers(0, 25),
        st.integers(0, 3),
        st.integers(0, 60),
        st.sampled_from(["Axial view.", "axial  VIEW", LONG, LONG + " and more", *(f"{LONG} {n}" for n in range(30))]),
        st.sampled_from([None, *(f"{1 << n:016x}" for n in (0, 1, 20, 40)), "ffffffff00000000"]),
    ),
    max_size=60,
    unique_by=lambda row: row[:2],
).map(lambda rows: [pair(a, f, str(i), text, phash) for a, f, i, text, phash in rows])


@given(pairs, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_nothing_stands_on_two_sides_whatever_the_order(found: list[Pair], order: int) -> None:
    first = assign(found, SHARES, seed=0)
    assert first.leaks.total == 0
    shuffled = random.Random(order).sample(found, len(found))
    assert assign(shuffled, SHARES, seed=0) == first
    kept = sum(len(first.splits[split]) for split in SPLITS)
    assert kept + first.dropped == len(found)


def test_an_article_keeps_its_side_as_the_corpus_grows() -> None:
    small = [pair(n, 1, f"image {n}", f"{LONG} {n}") for n in range(60)]
    large = small + [pair(n, 1, f"image {n}", f"{LONG} {n}") for n in range(60, 200)]
    before, after = assign(small, SHARES, 0), assign(large, SHARES, 0)
    for split in SPLITS:
        assert set(before.splits[split]) <= set(after.splits[split])


def test_shares_are_about_right_and_small_corpora_still_have_a_test_split() -> None:
    large = assign([pair(n, 1, f"i{n}", f"{LONG} {n}") for n in range(1000)], SHARES, 0)
    assert 150 < len(large.splits["test"]) < 250
    assert 150 < len(large.splits["val"]) < 250
    tiny = assign([pair(n, 1, f"i{n}", f"{LONG} {n}") for n in range(3)], SplitShares(0.01, 0.01), 0)
    assert [len(tiny.splits[split]) for split in SPLITS] == [1, 1, 1]


def test_articles_that_share_an_image_or_a_long_caption_stay_together() -> None:
    chain = [pair(1, 1, "same", "a b c"), pair(2, 1, "same", LONG), pair(3, 1, "other", LONG.upper() + "!")]
    rest = [pair(n, 1, f"i{n}", f"{LONG} {n}") for n in range(10, 60)]
    for seed in range(20):
        splits = assign(chain + rest, SHARES, seed).splits
        sides = {split for split in SPLITS for each in splits[split] if each in {p.pair_id for p in chain}}
        assert len(sides) == 1


def test_a_short_caption_leaves_test_instead_of_joining_articles() -> None:
    found = [pair(n, 1, f"i{n}", "Axial view.") for n in range(40)]
    outcome = assign(found, SHARES, 0)
    assert outcome.leaks.total == 0
    assert outcome.dropped > 0
    assert {len(outcome.splits["val"]), len(outcome.splits["test"])} == {0}


def report(train: Pair, test: Pair) -> LeakReport:
    count = LeakCount()
    count.add("train", train)
    count.add("test", test)
    return count.report()


def test_the_leak_report_sees_each_kind_of_leak() -> None:
    first, second = pair(1, 1, "one", LONG, "0" * 15 + "1"), pair(2, 1, "one", LONG.upper(), "0" * 15 + "3")
    assert (report(first, second).articles, report(first, second).image_digests) == (0, 1)
    assert (report(first, second).near_images, report(first, second).captions) == (1, 1)
    assert report(first, pair(1, 2, "two", "b")).articles == 1


def test_normalising_ignores_case_spacing_ligatures_and_punctuation() -> None:
    assert normalised("The ﬁnding:  A–B") == normalised("the finding a b")


EVEN, NO_TEST, NO_VAL = SHARES, SplitShares(val=0.2, test=0.0), SplitShares(val=0.0, test=0.2)


@pytest.mark.parametrize(
    ("value", "position", "clusters", "shares", "side"),
    [
        (0.1999, 5, 10, EVEN, "test"),
        (0.2, 5, 10, EVEN, "val"),  # a share ends where the next begins
        (0.3999, 5, 10, EVEN, "val"),
        (0.4, 5, 10, EVEN, "train"),
        (0.9, 0, 10, EVEN, "test"),  # too few hash below the share: the lowest rank is taken
        (0.9, 1, 10, EVEN, "val"),
        (0.9, 2, 10, EVEN, "train"),
        (0.9, 0, 3, EVEN, "test"),
        (0.9, 1, 3, EVEN, "val"),
        (0.9, 0, 2, EVEN, "train"),  # two clusters both train
        (0.9, 1, 2, EVEN, "train"),
        (0.9, 0, 10, NO_TEST, "train"),  # what nobody asked for is not made
        (0.9, 1, 10, NO_VAL, "train"),
    ],
)
def test_a_side_is_a_hash_within_a_share_or_one_of_the_lowest_ranks(
    value: float, position: int, clusters: int, shares: SplitShares, side: Split
) -> None:
    assert _side(value, position, clusters, shares) == side


def test_shares_are_as_documented_and_do_not_change() -> None:
    shares = SplitShares()
    assert (shares.val, shares.test) == (0.1, 0.15)
    with pytest.raises(FrozenInstanceError):
        shares.val = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(("words", "joined"), [(19, False), (20, True)])
def test_a_caption_of_twenty_words_joins_two_articles(words: int, joined: bool) -> None:
    caption = " ".join(f"word{n}" for n in range(words))
    table = PairTable()
    for each in (pair(1, 1, "one", caption), pair(2, 1, "two", caption)):
        table.add(each)
    assert (len(components(table.articles(), table.links(LONG_CAPTION_WORDS))) == 1) is joined


def test_each_dropped_pair_is_counted_and_the_others_stay() -> None:
    shared = [pair(n, 1, f"i{n}", "Axial view.") for n in range(40)]
    own = [pair(n, 2, f"j{n}", f"View number {n}.") for n in range(40)]
    outcome = assign([*shared, *own], SHARES, 0)
    held_out = [pair_id for split in SPLITS[1:] for pair_id in outcome.splits[split]]
    assert len(held_out) > 3
    assert {each.pair_id for each in shared}.isdisjoint(held_out)
    assert outcome.dropped == len(held_out), "each of these articles had one of each"


def test_of_two_held_out_sides_the_first_keeps_a_caption_that_both_have() -> None:
    table = PairTable()
    table.add(pair(1, 1, "a", "Of its own."), "train")
    for figure, image in enumerate("bc"):
        table.add(pair(2, figure, image, "Twice."), "val")
    for figure, text in enumerate(("Twice.", "Of the test.")):
        table.add(pair(3, figure, text, text), "test")
    assert table.drop_shared_captions() == 1
    assert [len(list(table.members(split))) for split in SPLITS] == [1, 2, 1]
