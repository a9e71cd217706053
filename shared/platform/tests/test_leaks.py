from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.artifacts import blob_ref
from journalclip_shared.duplicates import Hashed, cluster
from journalclip_shared.leaks import LeakCount
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair

SPLITS: tuple[Split, ...] = ("train", "val", "test")


def pair(name: str, article: str, image: int, text: str, phash: int) -> Pair:
    return Pair(
        pair_id=name, article_id=article, figure_id=name, label="Figure 1", page=1, text=text, record=CaptionRecord(),
        image=blob_ref("figures", f"{image:064x}", 1, "image/png"), phash=f"{phash:016x}",
    )  # fmt: skip


Drawn = list[tuple[Split, str, int, str, int]]
drawn = st.lists(
    st.tuples(
        st.sampled_from(SPLITS), st.sampled_from("abcdef"), st.integers(0, 9), st.sampled_from(["One.", "one", "Two"]),
        st.sampled_from([0, 0xFF, 0x1FF, 0xFFFF0000]),
    ),
    max_size=12,
)  # fmt: skip


@given(drawn)
def test_a_count_one_by_one_is_the_definition(rows: Drawn) -> None:
    pairs = [(row[0], pair(str(n), *row[1:])) for n, row in enumerate(rows)]
    count = LeakCount()
    for split, each in pairs:
        count.add(split, each)

    def shared(key: int) -> int:
        values = [row[key] for row in rows]
        return sum(len({row[0] for row in rows if row[key] == value}) > 1 for value in set(values))

    near = cluster([Hashed(each.pair_id, each.phash or "") for _, each in pairs])
    side = {each.pair_id: split for split, each in pairs}
    folded = [(split, text.casefold().strip(".")) for split, _, _, text, _ in rows]
    expected = LeakReport(
        articles=shared(1),
        image_digests=shared(2),
        captions=sum(len({s for s, t in folded if t == text}) > 1 for text in {t for _, t in folded}),
        near_images=sum(len({side[each] for each in ids}) > 1 for ids in near),
    )
    assert count.report() == expected
