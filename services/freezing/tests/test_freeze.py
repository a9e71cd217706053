from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from journalclip_freezing import FreezeOptions, freeze
from journalclip_freezing.shards import shard_jpeg
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, Bucket
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.finding import StoreFinder
from journalclip_shared.ids import make_id
from journalclip_shared.lineage import Lineage, UnknownId
from journalclip_shared.records.caption import CaptionRecord, RecordFlag
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.review import Choice, ReviewDecision
from journalclip_shared.reviews import write_decision

OPTIONS = FreezeOptions(image_size=32)
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def png(seed: int, size: tuple[int, int] = (80, 40)) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def article(store: ArtifactStore, number: int, figures: int = 2, flags: tuple[RecordFlag, ...] = ()) -> ArtifactRef:
    pdf = store.put("articles", f"pdf {number}".encode(), "application/pdf")
    identity = make_id("art", pdf.sha256)
    pairs = tuple(
        Pair(
            pair_id=make_id("pair", identity, str(figure)),
            article_id=identity,
            figure_id=f"fig_{number}_{figure}",
            label=f"Figure {figure}",
            image=store.put("figures", png(100 * number + figure), "image/png"),
            text=f"Axial CT of case {number}, figure {figure}, shows a lesion in the left frontal lobe.",
            record=CaptionRecord(flags=flags),
            page=1,
            licence="CC BY",
        )
        for figure in range(figures)
    )
    document = StructuredArticle(
        article_id=identity, structurer="s", extractor="e", source=pdf, name=f"{number}.pdf", pdf=pdf, pairs=pairs
    )
    return store.put_manifest("figures", f"structured/e/s/{identity}", document.canonical())


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path)


def test_a_frozen_dataset_reads_back_in_order(store: LocalArtifacts) -> None:
    documents = [article(store, n) for n in range(20)]
    ticks: list[tuple[int, int]] = []
    frozen = freeze(store, documents, OPTIONS, lambda done, total: ticks.append((done, total)))
    assert frozen is not None
    dataset = FrozenDataset.open(store, frozen.manifest)
    assert ticks == [(n, 40) for n in range(1, 41)]
    assert frozen.pairs == 40
    for split in SPLITS:
        pairs = dataset.pairs(split)
        assert [pair.pair_id for pair in pairs] == sorted(pair.pair_id for pair in pairs)
        images = list(dataset.images(split))
        assert [pair_id for pair_id, _ in images] == [pair.pair_id for pair in pairs]
        assert {image.size for _, image in images} <= {(32, 16)}
    assert dataset.manifest.licences == {"CC BY": 40}
    assert dataset.manifest.leaks.total == 0


def test_order_of_arrival_changes_nothing_and_freezing_again_does_no_work(store: LocalArtifacts) -> None:
    documents = [article(store, n) for n in range(12)]
    first = freeze(store, documents, OPTIONS)
    ticks: list[int] = []
    assert freeze(store, documents[::-1], OPTIONS, lambda done, _total: ticks.append(done)) == first
    assert ticks == []


def test_options_and_pairs_are_part_of_the_identity(store: LocalArtifacts) -> None:
    documents = [article(store, n) for n in range(6)]
    ids = {
        each.dataset_id
        for each in (
            freeze(store, documents, OPTIONS),
            freeze(store, documents[:5], OPTIONS),
            freeze(store, documents, FreezeOptions(image_size=48)),
            freeze(store, documents, FreezeOptions(image_size=32, seed=1)),
        )
        if each is not None
    }
    assert len(ids) == 4


def test_articles_without_pairs_make_no_dataset(store: LocalArtifacts) -> None:
    assert freeze(store, [article(store, 1, figures=0)], OPTIONS) is None


class Dies(Exception):
    """The process is killed."""


class Mortal(LocalArtifacts):
    """A store whose process dies at the n-th write."""

    lives = 0

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        self._spend()
        return super().put(bucket, data, media_type)

    def put_manifest(self, bucket: Bucket, name: str, data: bytes) -> ArtifactRef:
        self._spend()
        return super().put_manifest(bucket, name, data)

    def _spend(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise Dies


def test_a_kill_at_any_write_leads_to_the_same_dataset(tmp_path: Path) -> None:
    calm = LocalArtifacts(tmp_path / "calm")
    expected = freeze(calm, [article(calm, n) for n in range(8)], OPTIONS)
    documents = [article(LocalArtifacts(tmp_path / "mortal"), n) for n in range(8)]
    mortal = Mortal(tmp_path / "mortal")
    deaths = 0
    while True:
        mortal.lives = deaths
        try:
            found = freeze(mortal, documents, OPTIONS)
            break
        except Dies:
            assert not list(mortal.list_manifests("datasets", "frozen/"))
            deaths += 1
    assert found == expected
    assert deaths >= 6  # a shard, three Parquet files, the members and the manifest at least


def test_shard_images_keep_their_shape_and_their_bytes() -> None:
    data = shard_jpeg(png(1, (300, 100)), 64)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 21))
    assert data == shard_jpeg(png(1, (300, 100)), 64)
    with Image.open(io.BytesIO(shard_jpeg(png(2, (20, 10)), 64))) as small:
        assert small.size == (20, 10)


def test_explain_finds_the_split_of_a_pair(store: LocalArtifacts) -> None:
    frozen = freeze(store, [article(store, n) for n in range(5)], OPTIONS)
    assert frozen is not None
    dataset = FrozenDataset.open(store, frozen.manifest)
    explained = Lineage(store, StoreFinder(store)).explain(frozen.dataset_id)
    assert json.loads(json.dumps(explained))["dataset"]["dataset_id"] == frozen.dataset_id
    with pytest.raises(UnknownId, match="unknown-id"):
        Lineage(store, StoreFinder(store)).explain("pair_nothing")
    with pytest.raises(UnknownId):
        Lineage(store, StoreFinder(store)).explain("nonsense")
    assert sum(part.pairs for part in dataset.manifest.splits.values()) == 10


def decide(store: LocalArtifacts, pair_id: str, choice: Choice) -> None:
    decision = ReviewDecision(
        decision_id=f"evt_{choice}", pair_id=pair_id, article_id="a", reviewer="ada", role="reviewer", choice=choice,
        time="2030-01-01T00:00:00.000",
    )  # fmt: skip
    write_decision(store, decision)


def test_flagged_pairs_stay_out_and_are_counted_until_a_person_keeps_them(store: LocalArtifacts) -> None:
    documents = [article(store, n) for n in range(20)]
    documents += [article(store, 20, flags=("hidden-instruction",)), article(store, 21, flags=("low-read-share",))]

    def dropped(*flags: RecordFlag) -> tuple[int, dict[str, int]]:
        frozen = freeze(store, documents, FreezeOptions(image_size=32, leave_out=flags))
        assert frozen is not None
        return frozen.pairs, FrozenDataset.open(store, frozen.manifest).manifest.dropped

    assert FreezeOptions().leave_out == ("hidden-instruction",)
    assert dropped() == (44, {})
    assert dropped("hidden-instruction") == (42, {"flag-hidden-instruction": 2})
    both: tuple[RecordFlag, ...] = ("hidden-instruction", "low-read-share")
    assert dropped(*both) == (40, {"flag-hidden-instruction": 2, "flag-low-read-share": 2})
    kept = StructuredArticle.model_validate_json(store.get(documents[20])).pairs[0]
    decide(store, kept.pair_id, "accept")
    assert dropped(*both) == (41, {"flag-hidden-instruction": 1, "flag-low-read-share": 2})
