"""A freeze writes what is new and lists what is gone; what is read is the same whatever the blocks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from journalclip_freezing import FreezeOptions, freeze
from journalclip_freezing.blocks import MOST_MERGED, Former, FormerBlock, arranged
from journalclip_freezing.erased import without
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.frozen import rows_of
from journalclip_shared.records.dataset import Block, DatasetManifest, Split, SplitPart
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.testing.facts import sample_ref
from journalclip_shared.testing.memory import CountingArtifacts, MemoryArtifacts

from .test_freeze import article

OPTIONS = FreezeOptions(image_size=32)
SPLITS: tuple[Split, ...] = ("train", "val", "test")
LARGE = 125


def frozen(store: MemoryArtifacts, documents: Sequence[ArtifactRef], former: DatasetFrozen | None) -> DatasetFrozen:
    found = freeze(store, documents, OPTIONS, former=former.manifest if former else None)
    assert found is not None
    return found


def content(store: MemoryArtifacts, fact: DatasetFrozen) -> dict[Split, list[tuple[str, bytes]]]:
    """Every pair with its picture; records and shards name the same, in the same order."""
    dataset, found = FrozenDataset.open(store, fact.manifest), dict[Split, list[tuple[str, bytes]]]()
    for split in SPLITS:
        jpegs = list(dataset.jpegs(split))
        assert [name for name, _ in jpegs] == [pair.pair_id for pair in dataset.stream(split)]
        assert len(jpegs) == dataset.manifest.splits[split].pairs
        found[split] = sorted(jpegs)
    return found


def test_a_freeze_writes_what_is_new_and_reads_as_one_from_nothing() -> None:
    store, calm = CountingArtifacts(), MemoryArtifacts()
    documents = [article(store, n) for n in range(60)]
    first = frozen(store, documents[:59], None)
    store.blobs.clear()
    second = frozen(store, documents, first)
    whole = frozen(calm, [article(calm, n) for n in range(60)], None)
    assert second.dataset_id == whole.dataset_id
    assert content(store, second) == content(calm, whole)
    total = sum(ref.bytes for split in SPLITS for ref in manifest(store, second).splits[split].refs)
    assert store.blobs["datasets"] < 0.2 * total, "a sixtieth is new; records of one row are mostly Parquet's own words"
    assert frozen(store, documents, second) == second


def test_many_new_pairs_are_several_blocks_of_whole_articles(monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = MemoryArtifacts(), MemoryArtifacts()
    whole = frozen(other, [article(other, n) for n in range(40)], None)
    monkeypatch.setattr("journalclip_freezing.articles.PAIRS_A_BLOCK", 5)
    parts = frozen(store, [article(store, n) for n in range(40)], None)
    assert parts.dataset_id == whole.dataset_id
    assert content(store, parts) == content(other, whole)
    seen = list[str]()
    for split in SPLITS:
        blocks = manifest(store, parts).splits[split].parts
        assert all(block.members == 6 for block in blocks[:-1]), "five pairs or more, of articles with two"
        for block in blocks:
            seen += {row["article_id"] for _, row in rows_of(store, block.records, "articles")}
    assert len(seen) == len(set(seen)) == 40
    monkeypatch.undo()
    assert frozen(store, [article(store, n) for n in range(41)], parts).pairs == 82


def manifest(store: MemoryArtifacts, fact: DatasetFrozen) -> DatasetManifest:
    return DatasetManifest.model_validate_json(store.get(fact.manifest))


def test_one_block_that_is_whole_is_written_down_as_before_there_were_several() -> None:
    store = MemoryArtifacts()
    part = manifest(store, frozen(store, [article(store, n) for n in range(6)], None)).splits["train"]
    assert part.records is not None
    assert not part.blocks
    assert "blocks" not in part.model_dump(mode="json")
    several = SplitPart.of([part.parts[0], part.parts[0]], 2, 2)
    with pytest.raises(ValueError, match="records"):  # as a reader of then: it must not read a half
        OldSplitPart.model_validate_json(several.canonical())


class OldSplitPart(SplitPart):
    """Of before there were blocks."""

    records: ArtifactRef  # what it demanded


def test_what_is_gone_is_excluded_and_costs_nothing_until_a_quarter_is() -> None:
    store = CountingArtifacts()
    documents = [article(store, n) for n in range(40)]
    fact = first = frozen(store, documents, None)
    for left in (39, 36, 20):
        store.blobs.clear()
        fact = frozen(store, documents[:left], fact)
        blocks = manifest(store, fact).splits["train"].parts
        assert sum(map(len, content(store, fact).values())) == 2 * left
        if left == 20:
            assert not any(block.excluded for block in blocks)
            assert store.blobs["datasets"] > 0
    assert content(store, first), "versions before are what they were"


def test_a_changed_member_is_written_again_under_its_id() -> None:
    store = MemoryArtifacts()
    documents = [article(store, n) for n in range(20)]
    first = frozen(store, documents, None)
    document = StructuredArticle.model_validate_json(store.get(documents[3]))
    pairs = (document.pairs[0].model_copy(update={"text": "Sagittal view of a cerebellar cyst."}), *document.pairs[1:])
    changed = store.put_manifest(
        "figures", "structured/e/s2/x", document.model_copy(update={"pairs": pairs}).canonical()
    )
    second = frozen(store, [*documents[:3], changed, *documents[4:]], first)
    dataset = FrozenDataset.open(store, second.manifest)
    texts = [pair.text for split in SPLITS for pair in dataset.stream(split) if pair.pair_id == pairs[0].pair_id]
    assert texts == ["Sagittal view of a cerebellar cyst."]
    assert content(store, second)


def test_a_block_whose_shard_is_gone_is_written_again() -> None:
    store = MemoryArtifacts()
    documents = [article(store, n) for n in range(20)]
    first = frozen(store, documents[:19], None)
    before = content(store, first)
    store.damage(manifest(store, first).splits["train"].shards[0], None)
    second = content(store, frozen(store, documents, first))
    assert set(before["train"]) <= set(second["train"])


def test_what_an_erasure_takes_out_of_a_block_stays_out_of_every_version() -> None:
    store = MemoryArtifacts()
    documents = [article(store, n) for n in range(40)]
    first = frozen(store, documents, None)
    second = frozen(store, documents[1:], first)  # the block still holds the bytes of the first article
    gone = StructuredArticle.model_validate_json(store.get(documents[0])).article_id
    word = Withdrawal(
        scope="article", subject=gone, sequence=1, action="withdraw", reason="erasure-request", who="a", time="t"
    )
    parts = list(without(store, manifest(store, second), word))
    assert sum(part.pairs for part in parts) == 2
    for part in parts:
        assert gone.encode() not in store.get(part.after)


def test_small_blocks_become_one_and_no_freeze_writes_much_for_it() -> None:
    held, wanted, written = list[FormerBlock](), dict[str, str](), 0
    for number in range(800):
        wanted[f"m{number}"] = f"{number:032x}"
        kept, missing = arranged(held, wanted, LARGE)
        assert sum(block.members - len(block.excluded) for block in kept) + len(missing) == len(wanted)
        assert len(missing) <= 1 + MOST_MERGED * len(wanted)
        written += len(missing)
        uris = {block.records.uri for block in kept}
        held = [each for each in held if each.block.records.uri in uris]
        ref = sample_ref().model_copy(update={"uri": f"artifact://b/{number}"})
        held.append(
            FormerBlock(Block(members=len(missing), records=ref), {member: wanted[member] for member in missing})
        )
    assert len(held) < 120, "eight of one member become one as soon as that is little of the split"
    assert written < 3 * len(wanted)
    assert {member for each in held for member in each.digests} == set(wanted)


def test_a_version_that_cannot_be_read_is_not_gone_on_from() -> None:
    store = MemoryArtifacts()
    documents = [article(store, n) for n in range(10)]
    first = frozen(store, documents[:9], None)
    store.damage(first.manifest, None)
    assert content(store, frozen(store, documents, first))
    assert list(Former(store, None).held("train")) == []
