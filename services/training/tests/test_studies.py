"""Training over studies: any subset of sequences, resumable to the same weights, plain at lam 0, segmentation."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from journalclip_devtools.doubles.frozen_studies import freeze_studies, voxels_of
from journalclip_modeling.scratch import train_tokenizer
from journalclip_modeling.studies.config import (
    SliceTowerConfig,
    StudyModelConfig,
    TextTowerConfig,
    tiny_resnet,
    tiny_vit,
    tiny_volume,
)
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_modeling.studies.folder import load_study_folder, save_study_folder, scratch_study_model
from journalclip_modeling.studies.text import EncoderTower
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.records.report import ReportFinding, SequenceDescription
from journalclip_training.checkpoint import Point
from journalclip_training.config import LossConfig, OptimConfig, Precision, RunOptions
from journalclip_training.errors import BaseUnavailable, SettingInvalid
from journalclip_training.losses.naive import clip
from journalclip_training.losses.process_group import Single
from journalclip_training.step import backward
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.fit import StudyTask, fit_studies, shown
from journalclip_training.studies.load import load_samples
from journalclip_training.studies.objective import StudyObjective
from journalclip_training.studies.recipes import selip_paper
from journalclip_training.studies.samples import StudySamples, as_units, coded
from journalclip_training.studies.segment import SegmentConfig, dice, segment, share_of, train_segmenter
from journalclip_training.studies.start import describe_study_base, load_study_base
from journalclip_training.studies.voxels import ShardVoxels

GRID = (3, 16, 16)
MODEL = StudyModelConfig(
    grid=GRID, sequences=("FLAIR", "DWI"), tower=tiny_resnet((8, 16)),
    text=TextTowerConfig(width=24, layers=1, heads=2, context=24, vocabulary=300), hidden=24, pool_heads=2, dim=16,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Towers this small gain nothing from a second thread, and lose minutes to it on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def samples(count: int = 12) -> StudySamples:
    """A bright corner on FLAIR is a glioma on that side; DWI is normal."""
    generator = torch.Generator().manual_seed(0)
    voxels = torch.randint(0, 60, (count, 2, *GRID), generator=generator, dtype=torch.uint8)
    owner, sequence, texts, descriptions = [], [], [], []
    for n in range(count):
        side = "left" if n % 2 else "right"
        voxels[n, 0, 1, 5:10, (9 if n % 2 else 2) : (14 if n % 2 else 7)] = 240
        found = ReportFinding(term="glioma", laterality=side, signal="hyperintense")
        for s, description in enumerate(
            (SequenceDescription(sequence="FLAIR", findings=(found,)), SequenceDescription(sequence="DWI"))
        ):
            owner.append(n)
            sequence.append(s)
            texts.append(f"{description.sequence}: {'hyperintense glioma ' + side if s == 0 else 'no abnormality'}")
            descriptions.append(description)
    return StudySamples(
        voxels, torch.ones(count, 2, dtype=torch.bool), torch.tensor(owner), torch.tensor(sequence), tuple(texts),
        tuple(descriptions),
    )  # fmt: skip


def config(loss: LossConfig | None = None, epochs: float = 2) -> StudyTrainConfig:
    return StudyTrainConfig(
        recipe="test",
        model=MODEL,
        data=StudyDataConfig(shift=1),
        loss=loss or LossConfig(kind="soft", lam=0.5, semantic="hashing"),
        optim=OptimConfig(lr=3e-3, epochs=epochs, batch=6),
    )


class Killed(Exception):
    """As a kill would, between two steps."""


@pytest.mark.parametrize("tower", [tiny_resnet((8, 16)), replace(tiny_vit(), width=24, layers=1)])
def test_any_subset_of_sequences_gives_a_vector_that_does_not_depend_on_its_neighbours(tower, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = samples(4)
    folder = scratch_study_model(data.texts, replace(MODEL, tower=tower), 0)
    save_study_folder(folder, tmp_path / "model")
    encoder = StudyEncoder(load_study_folder(tmp_path / "model"))
    voxels = data.held.numpy()
    both = {"FLAIR": voxels[0, 0], "DWI": voxels[0, 1]}
    one, other = {"FLAIR": voxels[1, 0]}, {"DWI": voxels[2, 1]}
    together = encoder.embed_studies([both, one, other])  # type: ignore[list-item]
    for study, found in zip((both, one, other), together, strict=True):
        (alone,) = encoder.embed_studies([study])  # type: ignore[list-item]
        assert torch.allclose(torch.tensor(alone.study), torch.tensor(found.study), atol=1e-5)
        assert set(found.sequences) == set(study)
        assert sum(found.weights.values()) == pytest.approx(1, abs=1e-5)
        assert next(iter(found.slices.values())).sum() == pytest.approx(1, abs=1e-5)


def paper(steps: int = 4) -> StudyTrainConfig:
    """`selip_paper` at a toy's size."""
    whole = selip_paper()
    text = TextTowerConfig(kind="encoder", width=24, layers=1, heads=2, context=24, vocabulary=300)
    model = replace(MODEL, tower=tiny_volume((8, 16)), hidden=16, text=text)
    optim = replace(whole.optim, steps=steps, batch=4, lr=3e-3, text_lr=3e-3)
    return replace(whole, model=model, optim=optim, precision="float32")


def test_the_papers_unit_is_a_volume_with_its_own_text_and_no_text_is_twice_in_a_batch(tmp_path: Path) -> None:
    data = samples()
    texts = tuple(f"{text} {n % 5}" if n % 2 == 0 else text for n, text in enumerate(data.texts))
    units = as_units(replace(data, texts=texts), "volume", "No abnormality.")
    assert units.voxels.shape == (24, 1, *GRID)
    assert torch.equal(units.held[3, 0], data.held[1, 1])
    start = scratch_study_model(texts, paper().model, 0)
    task = StudyTask(
        paper(), start.model, start.tokenizer, replace(data, texts=texts), tmp_path, RunOptions(), Single()
    )
    for _, batch in task.batches(0, 6):
        said = [task.samples.texts[n] for n in batch.shown.pairs]
        assert len(said) == len(set(said)) == 4
    assert not start.model.logit_scale.requires_grad


def test_every_volume_of_a_normal_study_has_the_one_normal_text() -> None:
    data = samples()
    normal = replace(
        data, descriptions=tuple(SequenceDescription(sequence=d.sequence, normal=True) for d in data.descriptions)
    )
    assert set(as_units(normal, "volume", "Normal.").texts) == {"Normal."}
    assert as_units(data, "study", "Normal.").texts == data.texts, "each study has a lesion"


@pytest.mark.parametrize("precision", ["float32", "fp16"])
def test_a_killed_run_of_the_papers_recipe_keeps_its_batch_statistics(precision: Precision, tmp_path: Path) -> None:
    recipe = replace(paper(), precision=precision)
    data = samples()
    texts = tuple(f"{text} {n}" for n, text in enumerate(data.texts))
    data = replace(data, texts=texts)
    start = scratch_study_model(texts, recipe.model, 0)
    whole, resumed = copy.deepcopy(start.model), copy.deepcopy(start.model)
    fit_studies(recipe, whole, start.tokenizer, data, tmp_path / "a")

    def kill(point: Point, _steps: int) -> None:
        if point.step == 1:
            raise Killed

    with pytest.raises(Killed):
        fit_studies(
            recipe, copy.deepcopy(start.model), start.tokenizer, data, tmp_path / "b",
            options=RunOptions(checkpoint_every=1), observe=kill,
        )  # fmt: skip
    fit_studies(recipe, resumed, start.tokenizer, data, tmp_path / "b")
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    micro = replace(recipe, optim=replace(recipe.optim, micro_batch=2))
    with pytest.raises(SettingInvalid, match="micro_batch"):
        fit_studies(micro, resumed, start.tokenizer, data, tmp_path / "c")


def test_a_study_batch_in_parts_with_recomputed_slices_gives_the_same_gradients(tmp_path: Path) -> None:
    data = samples()
    found = []
    for micro, chunk in ((0, 0), (2, 5)):
        start = scratch_study_model(data.texts, MODEL, 0)
        whole = replace(config(), checkpoint_slices=chunk)
        task = StudyTask(whole, start.model, start.tokenizer, data, tmp_path, RunOptions(), Single())
        ((step, batch),) = task.batches(3, 4)
        value = backward(task.embed, task.loss(step, batch), batch, micro)
        found.append((value, [p.grad for p in start.model.parameters() if p.grad is not None]))
    (one, grads), (other, others) = found
    assert one == pytest.approx(other, rel=1e-5)
    assert len(grads) == len(others)
    for a, b in zip(grads, others, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


def test_a_pretrained_text_encoder_is_the_start_and_survives_its_folder(tmp_path: Path) -> None:
    data = samples(4)
    torch.manual_seed(3)
    tokenizer = train_tokenizer(data.texts, 300, 24)
    bert = BertModel(
        BertConfig(vocab_size=300, hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48),
        add_pooling_layer=False,
    ).eval()
    bert.save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    recipe = replace(paper(), text_base=str(tmp_path / "bert"))
    save_study_folder(load_study_base(recipe, data.texts), tmp_path / "model")
    loaded = load_study_folder(tmp_path / "model")
    ids = torch.tensor([tokenizer("hyperintense glioma left")["input_ids"]])
    first = bert(input_ids=ids).last_hidden_state[:, 0]
    padded, text = torch.nn.functional.pad(ids, (0, 5)), loaded.model.text
    assert isinstance(text, EncoderTower)
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(text.project(first), dim=1)
        torch.testing.assert_close(loaded.model.texts(padded), expected, rtol=0, atol=1e-5)
    assert describe_study_base(recipe).startswith("scratch:0+bert@")
    lacking = load_file(tmp_path / "bert" / "model.safetensors")
    lacking.pop("encoder.layer.0.output.dense.weight")
    save_file(lacking, tmp_path / "bert" / "model.safetensors", {"format": "pt"})
    with pytest.raises(BaseUnavailable, match="lack"):
        load_study_base(recipe, data.texts)


def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(tmp_path: Path) -> None:
    data = samples()
    start = scratch_study_model(data.texts, MODEL, 0)
    whole, cut = copy.deepcopy(start.model), copy.deepcopy(start.model)
    fit_studies(config(), whole, start.tokenizer, data, tmp_path / "a")

    def kill(point: Point, _steps: int) -> None:
        if point.step == 1:
            raise Killed

    with pytest.raises(Killed):
        fit_studies(
            config(), cut, start.tokenizer, data, tmp_path / "b", options=RunOptions(checkpoint_every=1), observe=kill
        )
    resumed = copy.deepcopy(start.model)
    fit_studies(config(), resumed, start.tokenizer, data, tmp_path / "b")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_step_never_shows_a_study_without_a_described_sequence() -> None:
    data = samples()
    for step in range(20):
        batch = shown(data, torch.arange(6).numpy(), StudyDataConfig(drop_sequences=0.8), (0, step))
        assert batch.present.any(1).all()
        assert set(batch.owner.tolist()) == set(range(6))
        assert (batch.rows < batch.present.sum()).all()


def test_at_lam_0_the_objective_is_the_plain_clip_loss() -> None:
    data = samples()
    model = scratch_study_model(data.texts, MODEL, 0).model
    features = model(data.held, data.present)
    texts = torch.nn.functional.normalize(torch.randn(len(data.texts), MODEL.dim), dim=1)
    rows, scale = np.arange(len(data.texts)), torch.tensor(10.0)
    found = StudyObjective(LossConfig(kind="soft", lam=0.0), 0.0, data)(
        features.sequences, features.studies, texts, data.owner, scale, rows, np.arange(len(data))
    )
    plain = clip(features.sequences, texts, scale)
    assert float(found) == pytest.approx(float(plain), abs=1e-5)


def test_signal_side_and_denial_are_told_apart_by_the_coded_record() -> None:
    bright, dark = (
        coded(SequenceDescription(sequence="FLAIR", findings=(ReportFinding(term="glioma", signal=signal),)))
        for signal in ("hyperintense", "hypointense")
    )
    denial = (ReportFinding(term="glioma", negated=True),)
    denied, normal = (coded(SequenceDescription(sequence="FLAIR", findings=denial, normal=n)) for n in (False, True))
    terms = [{f"{'no ' * f.negated}{f.term}" for f in record.findings} for record in (bright, dark, denied, normal)]
    assert terms[0] & terms[1] == {"glioma"}
    assert not terms[0] & terms[2]
    assert terms[2] == {"no glioma"}, "a denial alone does not make a sequence normal"
    assert terms[3] == {"no abnormality", "no glioma"}


@pytest.mark.parametrize("tower", [tiny_resnet((8, 16)), tiny_volume((8, 16))], ids=["slices", "volume"])
def test_segmentation_learns_and_is_scored_by_region(tower: SliceTowerConfig) -> None:
    data = samples(8)
    labels = (data.held[:, 0] == 240).to(torch.uint8) * 4
    hidden = 16 if tower.kind == "volume" else MODEL.hidden
    model = scratch_study_model(data.texts, replace(MODEL, tower=tower, hidden=hidden), 0).model
    net = train_segmenter(model, data.held, data.present, labels, SegmentConfig(steps=120, width=8, batch=4))
    found = segment(net, data.held, data.present)
    assert sum(dice(found, labels, "enhancing")) / 8 > 0.9
    one = data.present.clone()
    one[:, 1] = False
    assert segment(net, data.held, one).shape == labels.shape
    assert dice(labels, labels, "whole") == [1.0] * 8
    assert dice(labels * 0, labels, "core") == [0.0] * 8
    assert dice(labels, labels * 0, "whole") == [], "a study without the region has no score"


def test_shares_of_labels_are_nested() -> None:
    few, many = share_of(range(200), 0.01, 3), share_of(range(200), 0.1, 3)
    assert (len(few), len(many)) == (2, 20)
    assert set(few) <= set(many)


def test_volumes_read_from_shards_are_those_that_were_frozen_and_train_alike(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    frozen = freeze_studies(store, GRID, train=7, shard=3)
    dataset = FrozenStudies.open(store, frozen.manifest)
    held, streamed = (
        load_samples(dataset, "train", MODEL, tmp_path / "shards", RunOptions(cache_bytes=most))
        for most in (1 << 30, 0)
    )
    assert isinstance(held.voxels, torch.Tensor)
    assert isinstance(streamed.voxels, ShardVoxels)
    for n in range(7):
        for s, name in enumerate(MODEL.sequences):
            assert np.array_equal(held.voxels[n, s].numpy(), voxels_of(n, name, GRID))
    assert torch.equal(streamed.voxels[torch.tensor([5, 0, 5])], held.voxels[torch.tensor([5, 0, 5])])
    assert torch.equal(streamed.subset([4, 2]).held, held.subset([4, 2]).held)
    assert torch.equal(as_units(streamed, "volume", "").held, as_units(held, "volume", "").held)
    start = scratch_study_model(held.texts, MODEL, 0)
    trained = []
    for folder, data in (("held", held), ("streamed", streamed)):
        model = copy.deepcopy(start.model)
        fit_studies(config(epochs=1), model, start.tokenizer, data, tmp_path / folder)
        trained.append(model)
    assert all(torch.equal(a, b) for a, b in zip(*(each.parameters() for each in trained), strict=True))


def test_a_manifest_may_list_a_shard_many_times(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    dataset = FrozenStudies.open(store, freeze_studies(store, GRID, train=3, repeat=40).manifest)
    data = load_samples(dataset, "train", MODEL, tmp_path / "shards", RunOptions(cache_bytes=0))
    assert len(data) == 120
    assert len(list((tmp_path / "shards").iterdir())) == 1
    assert data.present.all()
