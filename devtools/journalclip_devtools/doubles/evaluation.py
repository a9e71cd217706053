"""For tests: a small frozen split with a duplicate in it, and a candidate whose two models are random towers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.folder import save_folder, upload_folder
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, SplitPart
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair

SMALL = ScratchConfig(image_size=16, patch_size=8, width=16, layers=1, heads=2, dim=8, vocabulary=300, context=16)


def freeze(store: ArtifactStore, count: int) -> FrozenDataset:
    """A test split of ``count`` pairs in articles of two; the last two share picture and caption."""
    rng = np.random.default_rng(0)
    pairs: list[Pair] = []
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as shard:
        for n in range(count):
            same = min(n, count - 2)
            pixels = np.random.default_rng(same).integers(0, 255, (20, 24, 3), dtype=np.uint8)
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "PNG")
            image = store.put("figures", data.getvalue(), "image/png")
            pair = Pair(
                pair_id=f"pair_{n:03d}", article_id=f"art_{n // 2}", figure_id=f"fig_{n}", label="Figure 1",
                image=image, text=f"Case {same}: {' '.join(rng.choice(['axial', 'mass', 'left'], 3))}" if n == same
                else pairs[-1].text.upper(),
                record=CaptionRecord(), page=1, modality="CT" if n % 2 else "MRI",
            )  # fmt: skip
            pairs.append(pair)
            member = tarfile.TarInfo(f"{pair.pair_id}.jpg")
            member.size = len(data.getvalue())
            shard.addfile(member, io.BytesIO(data.getvalue()))
    table = io.BytesIO()
    pq.write_table(pa.table({"pair": [pair.model_dump_json() for pair in pairs]}), table)
    records = store.put("datasets", table.getvalue(), "application/vnd.apache.parquet")
    part = SplitPart(
        pairs=count, articles=(count + 1) // 2, records=records,
        shards=(store.put("datasets", tar.getvalue(), "application/x-tar"),),
    )  # fmt: skip
    empty = SplitPart(pairs=0, articles=0, records=records)
    manifest = DatasetManifest(
        dataset_id="ds_test", digest="0" * 64, splits={"train": empty, "val": empty, "test": part},
        leaks=LeakReport(), image_size=24, kind="articles",)  # fmt: skip
    return FrozenDataset(store, manifest)


def candidate(store: ArtifactStore, folder: Path, model_id: str = "mdl_a") -> ModelManifest:
    folders = []
    for seed in (1, 2):
        folders.append(folder / f"seed{seed}")
        save_folder(scratch_clip(["axial mass", "left"], SMALL, seed), folders[-1])
    start, trained = (upload_folder(store, each) for each in folders)
    return ModelManifest(
        model_id=model_id, dataset_id="ds_test", dataset=store.put_manifest("datasets", "frozen/ds_test", b"{}"),
        recipe="test", config="{}", base="scratch:1", files=trained, start_files=start, kind="articles",)  # fmt: skip
