"""Training over studies: any subset of sequences, resumable to the same weights, plain at lam 0, segmentation."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet, tiny_vit
from journalclip_modeling.studies.encoder import StudyEncoder
from journalclip_modeling.studies.folder import load_study_folder, save_study_folder, scratch_study_model
from journalclip_shared.records.report import ReportFinding, SequenceDescription
from journalclip_training.checkpoint import Point
from journalclip_training.config import LossConfig, OptimConfig, RunOptions
from journalclip_training.losses.naive import clip
from journalclip_training.studies.config import StudyDataConfig, StudyTrainConfig
from journalclip_training.studies.fit import fit_studies, shown
from journalclip_training.studies.objective import StudyObjective
from journalclip_training.studies.samples import StudySamples, coded
from journalclip_training.studies.segment import SegmentConfig, dice, segment, share_of, train_segmenter

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
    voxels = data.voxels.numpy()
    both = {"FLAIR": voxels[0, 0], "DWI": voxels[0, 1]}
    one, other = {"FLAIR": voxels[1, 0]}, {"DWI": voxels[2, 1]}
    together = encoder.embed_studies([both, one, other])  # type: ignore[list-item]
    for study, found in zip((both, one, other), together, strict=True):
        (alone,) = encoder.embed_studies([study])  # type: ignore[list-item]
        assert torch.allclose(torch.tensor(alone.study), torch.tensor(found.study), atol=1e-5)
        assert set(found.sequences) == set(study)
        assert sum(found.weights.values()) == pytest.approx(1, abs=1e-5)
        assert next(iter(found.slices.values())).sum() == pytest.approx(1, abs=1e-5)


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
    features = model(data.voxels, data.present)
    texts = torch.nn.functional.normalize(torch.randn(len(data.texts), MODEL.dim), dim=1)
    rows, scale = torch.arange(len(data.texts)), torch.tensor(10.0)
    found = StudyObjective(LossConfig(kind="soft", lam=0.0), 0.0, data)(
        features, rows, texts, data.owner, scale, rows, torch.arange(len(data))
    )
    plain = clip(features.sequences, texts, scale)
    assert float(found) == pytest.approx(float(plain), abs=1e-5)


def test_signal_side_and_denial_are_told_apart_by_the_coded_record() -> None:
    bright, dark = (
        coded(SequenceDescription(sequence="FLAIR", findings=(ReportFinding(term="glioma", signal=signal),)))
        for signal in ("hyperintense", "hypointense")
    )
    denied = coded(SequenceDescription(sequence="FLAIR", findings=(ReportFinding(term="glioma", negated=True),)))
    terms = [{f"{'no ' * f.negated}{f.term}" for f in record.findings} for record in (bright, dark, denied)]
    assert terms[0] & terms[1] == {"glioma"}
    assert not terms[0] & terms[2]
    assert terms[2] == {"no abnormality", "no glioma"}, "normal, whatever is denied"


def test_segmentation_learns_and_is_scored_by_region() -> None:
    data = samples(8)
    labels = (data.voxels[:, 0] == 240).to(torch.uint8) * 4
    model = scratch_study_model(data.texts, MODEL, 0).model
    net = train_segmenter(model, data.voxels, data.present, labels, SegmentConfig(steps=120, width=8, batch=4))
    found = segment(net, data.voxels, data.present)
    assert sum(dice(found, labels, "enhancing")) / 8 > 0.9
    one = data.present.clone()
    one[:, 1] = False
    assert segment(net, data.voxels, one).shape == labels.shape
    assert dice(labels, labels, "whole") == [1.0] * 8
    assert dice(labels * 0, labels, "core") == [0.0] * 8
    assert dice(labels, labels * 0, "whole") == [], "a study without the region has no score"


def test_shares_of_labels_are_nested() -> None:
    few, many = share_of(range(200), 0.01, 3), share_of(range(200), 0.1, 3)
    assert (len(few), len(many)) == (2, 20)
    assert set(few) <= set(many)
