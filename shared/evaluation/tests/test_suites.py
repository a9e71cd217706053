from __future__ import annotations

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from journalclip_evaluation.classification import prompt_vector, summarise_scores
from journalclip_evaluation.errors import NothingToEvaluate, SuiteUnusable
from journalclip_evaluation.probe import FineTuning, fine_tuned_scores
from journalclip_evaluation.run_suite import classify, retrieve, zero_shot
from journalclip_evaluation.shapes import SHAPES, draw_shape
from journalclip_evaluation.suite_data import read_captioned, read_labelled
from journalclip_evaluation.suites import ClassSpec, load_suite, shipped_suites
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig

SMALL = ScratchConfig(image_size=32, patch_size=8, width=32, layers=1, heads=2, dim=16, vocabulary=300, context=16)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    made = scratch_clip(["a drawing of a disc"], SMALL, 0)
    return Encoder(made.model, made.tokenizer, made.preprocess)


def shape_folder(root: Path, splits: tuple[str, ...] = ("train", "test"), each: int = 4) -> None:
    for split in splits:
        for shape in SHAPES[:3]:
            folder = root / "image-folder" / split / shape
            folder.mkdir(parents=True)
            for n in range(each):
                draw_shape(shape, n).save(folder / f"p{n // 2}_{n}.png")


def test_every_shipped_definition_loads() -> None:
    names = shipped_suites()
    assert {"head-ct-six", "imagenet", "image-folder", "retrieval", "synthetic-shapes"} <= set(names)
    assert all(load_suite(name).name == name for name in names)
    assert len(load_suite("head-ct-six").classes) == 6


def test_synthetic_suite_runs_every_protocol_and_labels_help(encoder: Encoder) -> None:
    found = classify(encoder, load_suite("synthetic-shapes"), Path("/nowhere"))
    assert set(found) == {"zero-shot", "linear-probe", "fine-tune"}
    probe = found["linear-probe"].figures
    assert probe.items == 60
    assert probe.chance == pytest.approx(1 / 6)
    assert probe.accuracy_ci[0] > probe.chance  # random towers see enough of six shapes
    assert probe.macro_auroc_ci[0] > 0.5
    assert probe.macro_auroc == pytest.approx(np.mean([each.auroc for each in probe.classes.values()]))
    assert all(each.positives == 10 for each in probe.classes.values())
    assert found["zero-shot"].scores.shape == (60, 6)


def test_fine_tuning_leaves_the_encoder_as_it_was(encoder: Encoder) -> None:
    suite = load_suite("synthetic-shapes")
    train, test = (read_labelled(suite, Path(), split) for split in ("train", "test"))
    assert train is not None
    assert test is not None
    before = [parameter.clone() for parameter in encoder.model.parameters()]
    scores = [fine_tuned_scores(encoder, train, test, FineTuning(epochs=1)) for _ in range(2)]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_allclose(scores[0].sum(1), 1, atol=1e-5)
    assert all((a == b).all() for a, b in zip(before, encoder.model.parameters(), strict=True))


def test_prompts_are_averaged_over_phrases_and_templates(encoder: Encoder) -> None:
    spec = ClassSpec(name="disc", words=("disc", "circle"))
    vectors = encoder.embed_texts(["a disc", "the disc", "a circle", "the circle"])
    expected = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
    np.testing.assert_allclose(prompt_vector(encoder, spec, ["a {}", "the {}"]), expected, atol=1e-6)


def test_folder_suite_reads_classes_patients_and_splits(encoder: Encoder, tmp_path: Path) -> None:
    shape_folder(tmp_path)
    suite = load_suite("image-folder").model_copy(update={"group": "^([^_]+)_"})
    found = classify(encoder, suite, tmp_path)
    assert set(found) == {"zero-shot", "linear-probe", "fine-tune"}
    assert set(found["zero-shot"].figures.classes) == {"disc", "ring", "square"}
    assert (found["zero-shot"].figures.items, found["zero-shot"].figures.groups) == (12, 2)


def test_without_a_training_split_only_zero_shot_is_left(encoder: Encoder, tmp_path: Path) -> None:
    shape_folder(tmp_path, ("test",))
    assert set(classify(encoder, load_suite("image-folder"), tmp_path)) == {"zero-shot"}


def test_hugging_face_suite(encoder: Encoder, tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["disc", "ring"])})
    rows = {"image": [draw_shape(SHAPES[n % 2], n) for n in range(6)], "label": [n % 2 for n in range(6)]}
    made = datasets.DatasetDict({"test": datasets.Dataset.from_dict(rows, features=features)})
    made.save_to_disk(str(tmp_path / "hub"))
    suite = load_suite("image-folder").model_copy(update={"layout": "huggingface", "data": "hub"})
    found = zero_shot(encoder, suite, tmp_path)
    assert (found.figures.items, set(found.figures.classes)) == (6, {"disc", "ring"})
    with pytest.raises(SuiteUnusable, match="nothing-here"):
        zero_shot(encoder, suite.model_copy(update={"data": "nothing-here"}), tmp_path)


def test_retrieval_suite(encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "retrieval"
    folder.mkdir()
    rows = []
    for n, shape in enumerate(SHAPES):
        draw_shape(shape, n).save(folder / f"{n}.png")
        rows.append(json.dumps({"image": f"{n}.png", "text": f"a {shape}", "group": str(n // 2)}))
    (folder / "test.jsonl").write_text("\n".join(rows))
    ranked = retrieve(encoder, load_suite("retrieval"), tmp_path)
    assert (len(ranked.pair_ids), set(ranked.articles)) == (6, {"0", "1", "2"})
    (folder / "test.jsonl").write_text('{"image": "0.png"}')
    with pytest.raises(SuiteUnusable, match="text"):
        read_captioned(load_suite("retrieval"), tmp_path, "test")


def test_perfect_scores_and_missing_classes() -> None:
    test = read_labelled(load_suite("synthetic-shapes"), Path(), "test")
    assert test is not None
    found = summarise_scores("s", "zero-shot", np.eye(6)[test.labels], test)
    assert (found.figures.accuracy, found.figures.macro_auroc) == (1.0, 1.0)
    only = type(test)(test.pictures[:10], test.labels[:10], test.groups[:10], test.classes)
    with pytest.raises(NothingToEvaluate):
        summarise_scores("s", "zero-shot", np.zeros((10, 6)), only)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: Bad Name\ntitle: x", "name"),
        ("name: a\ntitle: x\ntemplates: [no place]", "place {}"),
        ("name: a\ntitle: x\nkind: retrieval", "layout jsonl"),
        ("name: a\ntitle: x\ncolour: red", "colour"),
        ("name: [", "while parsing"),
        ("name: a\ntitle: x\ngroup: '('", "unterminated"),
    ],
)
def test_malformed_definitions_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    with pytest.raises(SuiteUnusable, match=reason):
        load_suite(str(path))


def test_missing_data_says_where_it_belongs(encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(SuiteUnusable, match="head-ct-six/test"):
        zero_shot(encoder, load_suite("head-ct-six"), tmp_path)
    with pytest.raises(SuiteUnusable):
        load_suite("no-such-suite")
    shape_folder(tmp_path, ("test",))
    (tmp_path / "image-folder" / "test" / "empty").mkdir()
    with pytest.raises(SuiteUnusable, match="no pictures"):
        zero_shot(encoder, load_suite("image-folder"), tmp_path)


def test_a_class_has_one_number_in_both_splits(encoder: Encoder, tmp_path: Path) -> None:
    shape_folder(tmp_path)
    first = tmp_path / "image-folder" / "test" / SHAPES[0]
    for path in first.iterdir():
        path.unlink()
    first.rmdir()
    suite = load_suite("image-folder")
    splits = [read_labelled(suite, tmp_path, split) for split in ("train", "test")]
    train, test = splits
    assert train is not None
    assert test is not None
    assert train.classes == test.classes
    assert {test.classes[label].name for label in test.labels} == set(SHAPES[1:3])
    found = classify(encoder, suite, tmp_path)
    for each in found.values():
        assert each.figures.without_items == (SHAPES[0],)
        assert set(each.figures.classes) == set(SHAPES[1:3])


def test_pictures_have_any_suffix_and_damaged_ones_are_named(encoder: Encoder, tmp_path: Path) -> None:
    shape_folder(tmp_path, ("test",))
    folder = tmp_path / "image-folder" / "test" / SHAPES[0]
    draw_shape(SHAPES[0], 9).save(folder / "n0_9.JPEG")
    (folder / "._n0_9.JPEG").write_bytes(b"no picture, but a file manager's note")
    assert zero_shot(encoder, load_suite("image-folder"), tmp_path).figures.items == 13
    (folder / "torn.png").write_bytes((folder / "n0_9.JPEG").read_bytes()[:200])
    with pytest.raises(SuiteUnusable, match=r"torn\.png is no readable picture"):
        zero_shot(encoder, load_suite("image-folder"), tmp_path)


def test_several_captions_of_a_picture_are_several_texts(encoder: Encoder, tmp_path: Path) -> None:
    folder = tmp_path / "retrieval"
    folder.mkdir()
    for n in range(2):
        draw_shape(SHAPES[n], n).save(folder / f"{n}.png")
    lines = [{"image": f"{n}.png", "text": [f"a {SHAPES[n]}", f"one {SHAPES[n]}"]} for n in range(2)]
    (folder / "test.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    ranked = retrieve(encoder, load_suite("retrieval"), tmp_path)
    assert len(ranked.pair_ids) == 4
    assert ranked.multi["image_to_text"].positives.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("template", ["a {} of {colour}", "a {0.real}", "{", "plain"])
def test_templates_are_proved_when_they_are_read(tmp_path: Path, template: str) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(json.dumps({"name": "a", "title": "x", "templates": [template]}))
    with pytest.raises(SuiteUnusable, match="template"):
        load_suite(str(path))


def test_the_probe_stands_before_the_projection(encoder: Encoder) -> None:
    pictures = [draw_shape(SHAPES[n], n) for n in range(3)]
    hidden = encoder.embed_hidden(pictures)
    assert hidden.shape == (3, SMALL.width)
    projected = hidden @ encoder.model.visual_projection.weight.detach().numpy().T
    unit = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, encoder.embed_images(pictures), atol=1e-5)
