"""Exports: what is read back is what was frozen, an interrupted one goes on, and others' tools accept it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_modeling.data import FrozenDataset
from journalclip_pipelines.export import ExportOptions, FigureRows, export_dataset
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.pair import Pair

SMALL = ExportOptions(rows_a_part=4)


@pytest.fixture
def frozen(tmp_path: Path) -> FrozenDataset:
    world: World = small_world(LocalArtifacts(tmp_path / "store"))
    assert world.dataset is not None
    return FrozenDataset.open(world.store, world.dataset)


def everything(frozen: FrozenDataset) -> dict[str, tuple[Pair, bytes]]:
    return {
        pair.pair_id: (pair, data)
        for split in frozen.manifest.splits
        for pair, (_, data) in zip(frozen.pairs(split), frozen.jpegs(split), strict=True)
    }


def from_parquet(target: Path) -> dict[str, tuple[Pair, bytes]]:
    rows = [row for path in sorted(target.glob("data/*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {row["pair_id"]: (Pair.model_validate_json(row["pair"]), row["image"]["bytes"]) for row in rows}


def from_webdataset(target: Path) -> dict[str, tuple[Pair, bytes]]:
    files: dict[str, bytes] = {}
    for path in sorted(target.glob("webdataset/*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                handle = tar.extractfile(member)
                assert handle is not None
                files[member.name] = handle.read()
    names = sorted({name.rpartition(".")[0] for name in files})
    return {n: (Pair.model_validate_json(json.loads(files[f"{n}.json"])["pair"]), files[f"{n}.jpg"]) for n in names}


def test_a_round_trip_loses_nothing(frozen: FrozenDataset, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = export_dataset(FigureRows(frozen), target, SMALL)
    expected = everything(frozen)
    assert done.pairs == len(expected)
    assert from_parquet(target) == from_webdataset(target) == expected
    lines = [json.loads(line) for path in sorted(target.glob("jsonl/*")) for line in path.read_text().splitlines()]
    assert {line["pair_id"]: Pair.model_validate_json(line["pair"]) for line in lines} == {
        name: pair for name, (pair, _) in expected.items()
    }


def test_an_interrupted_export_goes_on_and_gives_the_same_bytes(frozen: FrozenDataset, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    first = export_dataset(FigureRows(frozen), whole, SMALL)
    export_dataset(FigureRows(frozen), broken, SMALL)
    for path in [*broken.glob("data/t*.parquet"), *broken.glob("webdataset/val*"), broken / "croissant.json"]:
        path.unlink()
    again = export_dataset(FigureRows(frozen), broken, SMALL)
    assert 0 < again.written < len(first.parts)
    assert again.parts == first.parts
    assert (broken / "croissant.json").read_bytes() == (whole / "croissant.json").read_bytes()
    assert export_dataset(FigureRows(frozen), broken, SMALL).written == 0


def test_licences_filter(frozen: FrozenDataset, tmp_path: Path) -> None:
    done = export_dataset(FigureRows(frozen), tmp_path / "out", ExportOptions(licences=("CC BY",)))
    kept = from_parquet(tmp_path / "out")
    assert {pair.licence for pair, _ in kept.values()} == {"CC BY"}
    assert set(done.licences) == {"LicenseRef-CC-BY"}  # these articles print no version
    assert sum(done.left_out.values()) == len(everything(frozen)) - len(kept) > 0
    by_name = export_dataset(FigureRows(frozen), tmp_path / "same", ExportOptions(licences=("cc-by",)))
    assert by_name.licences == done.licences
    for unheld in ("CC0", "CC-BY-4.0"):
        with pytest.raises(PermanentError, match="export-empty"):
            export_dataset(FigureRows(frozen), tmp_path / unheld, ExportOptions(licences=(unheld,)))
    with pytest.raises(PermanentError, match="licence-unknown"):
        export_dataset(FigureRows(frozen), tmp_path / "typo", ExportOptions(licences=("CC BI",)))


@pytest.mark.parametrize("damage", [b"", b"PAR1", None])
def test_a_damaged_part_is_written_again(frozen: FrozenDataset, tmp_path: Path, damage: bytes | None) -> None:
    target = tmp_path / "out"
    first = export_dataset(FigureRows(frozen), target, SMALL)
    part = target / first.parts[0].path
    part.write_bytes(part.read_bytes()[:-1] + b"?" if damage is None else damage)
    again = export_dataset(FigureRows(frozen), target, SMALL)
    assert (again.written, again.mended, again.parts) == (1, 1, first.parts)
    assert from_parquet(target) == everything(frozen)


def test_a_part_that_the_journal_does_not_know_is_written_again(frozen: FrozenDataset, tmp_path: Path) -> None:
    target = tmp_path / "out"
    first = export_dataset(FigureRows(frozen), target, SMALL)
    journal = target / ".parts.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])  # torn in its last line
    again = export_dataset(FigureRows(frozen), target, SMALL)
    assert (again.written, again.mended, again.parts) == (1, 0, first.parts)


def test_another_export_is_not_mixed_in(frozen: FrozenDataset, tmp_path: Path) -> None:
    export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    with pytest.raises(PermanentError, match="export-differs"):
        export_dataset(FigureRows(frozen), tmp_path / "out", ExportOptions(licences=("CC BY",)))
    with pytest.raises(PermanentError, match="export-format-unknown"):
        export_dataset(FigureRows(frozen), tmp_path / "other", ExportOptions(formats=("csv",)))


def test_hugging_face_datasets_loads_it(frozen: FrozenDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "hf"))
    assert set(loaded) == {"train", "validation", "test"}
    expected = everything(frozen)
    rows = [row for split in loaded.values() for row in split]
    assert {row["pair_id"] for row in rows} == set(expected)
    assert all(row["image"].size[0] > 0 for row in rows)


def test_webdataset_and_open_clip_read_the_shards(frozen: FrozenDataset, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")
    done = export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    shards = [str(tmp_path / "out" / part.path) for part in done.parts if part.form == "webdataset"]
    expected = everything(frozen)
    raw = {row["__key__"]: row for row in webdataset.WebDataset(shards, shardshuffle=False)}
    assert {name: row["txt"].decode() for name, row in raw.items()} == {
        name: pair.text for name, (pair, _) in expected.items()
    }
    data = pytest.importorskip("open_clip_train.data", reason="open_clip is not installed")
    wanted = SimpleNamespace(
        train_data="::".join(shards), val_data="::".join(shards), train_data_upsampling_factors=None, batch_size=4,
        dataset_resampled=False, seed=0, workers=1, world_size=1, train_num_samples=None, val_num_samples=len(expected),
        imagenet_val=None, imagenet_v2=None,
    )  # fmt: skip
    loader = data.get_wds_dataset(wanted, lambda image: image.size, is_train=False, tokenizer=lambda text: [text])
    texts = [text for _, batch in loader.dataloader.pipeline[0].dataset for text in batch]
    assert sorted(texts) == sorted(pair.text for pair, _ in expected.values())


def test_croissant_describes_every_file(frozen: FrozenDataset, tmp_path: Path) -> None:
    done = export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    document = json.loads((tmp_path / "out" / "croissant.json").read_bytes())
    assert {each["contentUrl"]: each["sha256"] for each in document["distribution"]} == {
        part.path: part.sha256 for part in done.parts
    }
    splits, *records = document["recordSet"]
    assert len(records) == len([part for part in done.parts if part.form == "parquet"])
    assert {each["splits/url"] for each in splits["data"]} == {
        f"cr:{n}Split" for n in ("Training", "Validation", "Test")
    }
    assert document["license"] == sorted(done.licences)


def test_the_croissant_validator_accepts_it(frozen: FrozenDataset, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="the Croissant validator is not installed")
    export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    found = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert not found.metadata.issues.errors
    assert {row["splits/name"] for row in found.records("splits")} == {"train", "val", "test"}
    records = list(found.records("train-00000"))
    assert len(records) == 4
    assert {row["train-00000/split"] for row in records} == {b"train"}
