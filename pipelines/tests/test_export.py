"""Exports: what is read back is what was frozen, an interrupted one goes on, and others' tools accept it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

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
    assert set(done.licences) == {"CC BY"}
    assert {pair.licence for pair, _ in from_parquet(tmp_path / "out").values()} == {"CC BY"}
    with pytest.raises(PermanentError, match="export-empty"):
        export_dataset(FigureRows(frozen), tmp_path / "none", ExportOptions(licences=("CC0",)))


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


def test_croissant_describes_every_file(frozen: FrozenDataset, tmp_path: Path) -> None:
    done = export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    document = json.loads((tmp_path / "out" / "croissant.json").read_bytes())
    assert {each["contentUrl"]: each["sha256"] for each in document["distribution"]} == {
        part.path: part.sha256 for part in done.parts
    }
    assert len(document["recordSet"]) == len([part for part in done.parts if part.form == "parquet"])


def test_the_croissant_validator_accepts_it(frozen: FrozenDataset, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="the Croissant validator is not installed")
    export_dataset(FigureRows(frozen), tmp_path / "out", SMALL)
    found = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert not found.metadata.issues.errors
    records = list(found.records("train-00000"))
    assert len(records) == 4
