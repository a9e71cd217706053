from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from journalclip_evaluation.card import model_card
from journalclip_evaluation.embedded import embed_split
from journalclip_evaluation.errors import NothingToEvaluate, SuiteUnusable
from journalclip_evaluation.models import Evaluator, evaluate_model
from journalclip_evaluation.published import CNS_CLIP, SELIP, published_table
from journalclip_evaluation.ranking import Ranks
from journalclip_evaluation.report.build import Reported, build_report
from journalclip_evaluation.report.gallery import choose
from journalclip_evaluation.retrieval import SIDES, Ranked, Side, summarise
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import save_folder, upload_folder
from journalclip_modeling.scratch import ScratchConfig, scratch_clip
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, SplitPart
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair

SMALL = ScratchConfig(image_size=16, patch_size=8, width=16, layers=1, heads=2, dim=8, vocabulary=300, context=16)


def freeze(store: LocalArtifacts, count: int) -> FrozenDataset:
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
        leaks=LeakReport(), image_size=24,
    )  # fmt: skip
    return FrozenDataset(store, manifest)


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "store")


def candidate(store: LocalArtifacts, folder: Path, model_id: str = "mdl_a") -> ModelManifest:
    folders = []
    for seed in (1, 2):
        folders.append(folder / f"seed{seed}")
        save_folder(scratch_clip(["axial mass", "left"], SMALL, seed), folders[-1])
    start, trained = (upload_folder(store, each) for each in folders)
    return ModelManifest(
        model_id=model_id, dataset_id="ds_test", dataset=store.put_manifest("datasets", "frozen/ds_test", b"{}"),
        recipe="test", config="{}", base="scratch:1", files=trained, start_files=start,
    )  # fmt: skip


def test_before_and_after_on_the_same_pairs(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 12), candidate(store, tmp_path)
    found = evaluate_model(store, model, dataset, tmp_path / "cache")
    assert found.before.ranked.pair_ids == found.after.ranked.pair_ids
    assert found.before.evaluation.subject == "start"
    figures = found.after.evaluation.strict.image_to_text
    assert (figures.pool, figures.articles) == (12, 6)
    assert figures.chance10 == pytest.approx(10 / 12)
    assert found.before.evaluation.strict != found.after.evaluation.strict
    assert set(found.after.evaluation.by_modality) == {"CT", "MRI"}
    # The last two pairs are one picture and, but for case, one caption.
    assert found.after.ranked.multi["image_to_text"].positives.tolist() == [1] * 10 + [2, 2]


def test_second_call_reads_what_the_first_wrote(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 6), candidate(store, tmp_path)
    first = Evaluator(store, tmp_path / "cache").measure(model, dataset)
    blind = Evaluator(store, Path("/nowhere"))  # could not fetch a model
    second = blind.measure(model, dataset)
    assert (second.evaluation, second.ref) == (first.evaluation, first.ref)
    assert summarise(second.ranked) == first.evaluation.strict
    other = candidate(store, tmp_path / "more").model_copy(update={"files": model.start_files})
    assert Evaluator(store, tmp_path / "cache").measure(other, dataset).ref != first.ref


def test_what_cannot_be_measured_is_refused(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 4), candidate(store, tmp_path)
    evaluator = Evaluator(store, tmp_path / "cache")
    with pytest.raises(NothingToEvaluate, match="no pairs"):
        evaluator.measure(model, dataset, "val")
    with pytest.raises(NothingToEvaluate, match="no files of its start"):
        evaluator.measure(model.model_copy(update={"start_files": ()}), dataset, subject="start")


def test_report_is_one_file_that_escapes_what_it_shows(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 12), candidate(store, tmp_path)
    found = evaluate_model(store, model, dataset, tmp_path / "cache")
    encoder = Encoder.load(tmp_path / "seed2")
    what = Reported(
        title="<script>alert(1)</script>", ranked=found.after.ranked, pairs=embed_split(encoder, dataset, "test"),
        dataset=dataset, split="test", model=model, others={"its start": found.before.ranked},
        pareto={"its start": (0.5, 0.2), "this model": (0.4, 0.6), "beaten": (0.3, 0.1)}, tables=(CNS_CLIP, SELIP),
    )  # fmt: skip
    html = build_report(what)
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!data:|#)', html)  # nothing is fetched from anywhere
    assert html.count("data:image/jpeg") == 12  # six best and six worst, one an article
    for heading in ("Retrieval", "By modality", "Embedding map", "Best and worst", "What was gained", "CNS-CLIP"):
        assert heading in html
    assert "24.56 %" in html
    assert "not measured" in html
    assert "demonstration of the path" in html
    assert build_report(what) == html


def test_best_and_worst_are_of_different_articles() -> None:
    above = np.array([0, 0, 5, 5, 2])
    ones = np.ones(5, np.int64)
    ranks = Ranks(above, ones, ones, ones, 6)
    sides: dict[Side, Ranks] = dict.fromkeys(SIDES, ranks)
    ranked = Ranked(tuple("abcde"), ("x", "x", "y", "y", "z"), ("CT",) * 5, sides, sides)
    best, worst = choose(ranked, 2)
    assert best.tolist() == [0, 4]
    assert worst.tolist() == [3, 4]


def test_card_has_the_head_and_shows_what_is_empty(store: LocalArtifacts, tmp_path: Path) -> None:
    dataset, model = freeze(store, 6), candidate(store, tmp_path)
    filled = model.model_copy(update={"card": {"intended_use": "Search.", "risks": " "}, "base": "openai/clip"})
    card = model_card(filled, Evaluator(store, tmp_path / "cache").measure(filled, dataset).evaluation)
    head = yaml.safe_load(card.split("---")[1])
    assert head["base_model"] == "openai/clip"
    assert head["model-index"][0]["results"][0]["dataset"]["split"] == "test"
    assert "## Intended use\n\nSearch." in card
    assert "## Risks and limits\n\n*(empty: promotion refuses this model)*" in card
    assert "not for diagnosis" in card


def test_unknown_table_is_refused() -> None:
    assert published_table("selip") is SELIP
    with pytest.raises(SuiteUnusable, match="no such table"):
        published_table("other")
