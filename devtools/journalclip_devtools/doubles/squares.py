"""A tiny world to train on: coloured squares whose captions name their colour and place, frozen as a real dataset."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore, blob_ref
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.ids import make_id
from journalclip_shared.records.caption import CaptionRecord, Finding
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, SplitPart
from journalclip_shared.records.pair import Pair
from journalclip_training.checkpoint import Point
from journalclip_training.config import DataConfig, LossConfig, ModelConfig, OptimConfig, TrainConfig

COLOURS = ("red", "green", "blue", "white", "yellow", "black")
PLACES = ("left", "right", "upper", "lower")
TINY = ScratchConfig(image_size=16, patch_size=8, width=16, layers=1, heads=2, dim=16, vocabulary=300, context=24)


@dataclass
class DieOnce:
    """An observer that ends its process without a word at step ``at``, once: the mark on disk outlives the process.

    It lives here, not in a test, so that a worker on another machine can import it.
    """

    mark: Path
    at: int

    def __call__(self, point: Point, steps: int) -> None:
        del steps
        if point.step == self.at and not self.mark.exists():
            self.mark.touch()
            os._exit(1)


def tiny_config(**optim: float) -> TrainConfig:
    config = TrainConfig(
        recipe="tiny",
        data=DataConfig(min_pairs=4),
        model=ModelConfig(scratch=TINY),
        loss=LossConfig(),
        optim=OptimConfig(lr=3e-3, epochs=2, batch=8),
    )
    return replace(config, optim=replace(config.optim, **optim))  # type: ignore[arg-type]


def draw(number: int) -> tuple[Image.Image, str]:
    colour, place = COLOURS[number % len(COLOURS)], PLACES[number // len(COLOURS) % len(PLACES)]
    x, y = {"left": (0, 8), "right": (20, 8), "upper": (10, 0), "lower": (10, 20)}[place]
    image = Image.new("RGB", (32, 32), "grey")
    ImageDraw.Draw(image).rectangle((x, y, x + 11, y + 11), fill=colour)
    return image, f"{colour} square on the {place} side, case {number}"


def pairs_and_images(count: int) -> list[tuple[Pair, bytes]]:
    out = []
    for number in range(count):
        image, caption = draw(number)
        jpeg = io.BytesIO()
        image.save(jpeg, "JPEG")
        pair = Pair(
            pair_id=make_id("pair", str(number)),
            article_id=make_id("art", str(number // 3)),
            figure_id=make_id("fig", str(number)),
            label="Figure 1",
            image=blob_ref("figures", "0" * 64, 1, "image/jpeg"),
            text=caption,
            record=CaptionRecord(findings=(Finding(term=caption.split()[0]),), rendering=caption.split()[0]),
            page=1,
        )
        out.append((pair, jpeg.getvalue()))
    return sorted(out, key=lambda each: each[0].pair_id)


def freeze_tiny(store: ArtifactStore, train: int = 24, shard: int = 10, val: int = 0) -> DatasetFrozen:
    """``val`` pairs are taken from the training pairs: enough to exercise what validation does."""
    rows = pairs_and_images(train)
    splits = {
        "train": _part(store, rows, shard),
        "val": _part(store, rows[:val], shard),
        "test": _part(store, [], shard),
    }
    dataset_id = make_id("ds", str(train), str(val))
    manifest = DatasetManifest(
        dataset_id=dataset_id,
        digest="0" * 64,
        splits=splits,
        leaks=LeakReport(),
        licences={"CC BY": train},
        image_size=32,
        kind="articles",
    )
    ref = store.put_manifest("datasets", f"frozen/{dataset_id}", manifest.canonical())
    return DatasetFrozen(dataset_id=dataset_id, manifest=ref, pairs=train, kind="articles")


def _part(store: ArtifactStore, rows: list[tuple[Pair, bytes]], shard: int) -> SplitPart:
    out = io.BytesIO()
    pq.write_table(pa.table({"pair": pa.array([pair.model_dump_json() for pair, _ in rows], pa.string())}), out)
    shards = [_shard(store, rows[start : start + shard]) for start in range(0, len(rows), shard)]
    records = store.put("datasets", out.getvalue(), "application/vnd.apache.parquet")
    articles = len({pair.article_id for pair, _ in rows})
    return SplitPart(pairs=len(rows), articles=articles, records=records, shards=tuple(shards))


def _shard(store: ArtifactStore, rows: list[tuple[Pair, bytes]]) -> ArtifactRef:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for pair, jpeg in rows:
            for name, data in ((f"{pair.pair_id}.jpg", jpeg), (f"{pair.pair_id}.json", pair.canonical())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return store.put("datasets", out.getvalue(), "application/x-tar")
