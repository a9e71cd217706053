"""SeLIP's downstream protocol on phantoms in BraTS 2019's layout, with and without a pretrained study model.

The bench writes phantom gliomas in the layout of the challenge (`PATH/HGG|LGG/CASE/CASE_t1ce.nii.gz`, skull removed).
It also writes phantoms of every kind with reports in this layout and pretrains a small study model on them. Then it
runs the product's own command twice: HGG or LGG from T1CE alone, and segmentation from all sequences of the model. All
training and test data are phantoms, so the figures test the protocol and say nothing about patients.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from journalclip_modeling.studies.folder import StudyFolder, save_study_folder
from journalclip_pipelines.cli import app
from journalclip_pipelines.downstream.cases import Normaliser, find_cases, lay_cases
from journalclip_pipelines.progress import reporter
from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.records.report import SequenceDescription, SequenceName
from journalclip_sources.studies.cells import normalising
from journalclip_structuring.report_rules import read_report
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.folders import write_study
from journalclip_training.studies.config import StudyTrainConfig
from journalclip_training.studies.fit import fit_studies
from journalclip_training.studies.recipes import study_demo
from journalclip_training.studies.samples import StudySamples
from journalclip_training.studies.start import load_study_base

SEQUENCES: tuple[SequenceName, ...] = ("T1CE", "FLAIR")
SIDE, SLICES = 64, 24  # pixels and slices of a written case
Tick = Callable[[int, int], None]
PRETRAINING, ASKED = 1, 2  # seeds of the phantoms


def config(steps: int) -> StudyTrainConfig:
    """The recipe `study_demo` with the sequences of these phantoms."""
    demo = study_demo()
    return replace(
        demo, model=replace(demo.model, sequences=SEQUENCES), optim=replace(demo.optim, steps=steps, batch=24)
    )


def write_cases(folder: Path, count: int) -> None:
    """Write phantom gliomas, about half of each grade."""
    for n in range(count):
        truth = draw_truth(n, ASKED, SEQUENCES, ("glioblastoma", "glioma"), normal=0.0)
        write_study(draw_study(truth, SIDE, SLICES), folder, "brats", report_of)


def reported(folder: Path, keep: Path, studies: int, normaliser: Normaliser, tick: Tick) -> StudySamples:
    """Phantoms of every kind and normal ones, resampled to the grid, with their reports structured by rules."""
    descriptions: dict[str, tuple[SequenceDescription, ...]] = {}
    for n in range(studies):
        truth = draw_truth(n, PRETRAINING, SEQUENCES)
        path = write_study(draw_study(truth, SIDE, SLICES), folder, "brats", report_of)
        descriptions[path.name] = read_report(report_of(truth)).descriptions
    found = find_cases(folder, SEQUENCES, False, lambda _done, _total: None)
    laid = lay_cases(found, config(0).model, normaliser, keep, tick)
    pairs = [
        (n, each) for n, case in enumerate(found.cases)
        for each in sorted(descriptions[case.name], key=lambda one: SEQUENCES.index(one.sequence))
    ]  # fmt: skip
    return StudySamples(
        voxels=laid.voxels,
        present=laid.present,
        owner=torch.tensor([n for n, _ in pairs]),
        sequence=torch.tensor([SEQUENCES.index(each.sequence) for _, each in pairs]),
        texts=tuple(each.rendering for _, each in pairs),
        descriptions=tuple(each for _, each in pairs),
    )


def pretrain(folder: Path, studies: int, steps: int) -> Path:
    """The folder of a model trained on phantoms and their reports. An existing model is not trained again."""
    model, bars = folder / "model", reporter()
    if model.exists():
        return model
    with normalising() as cell, bars.stage("studies with reports", studies) as stage:
        samples = reported(folder / "reported", folder / "reported-laid", studies, cell, stage.update)
    wanted = config(steps)
    start: StudyFolder = load_study_base(wanted, samples.texts)
    with bars.stage("pretraining", steps) as stage:
        fit_studies(
            wanted, start.model, start.tokenizer, samples, folder / "run",
            observe=lambda point, total: stage.update(point.step + 1, total, f"loss {point.loss:.2f}"),
        )  # fmt: skip
    save_study_folder(start, model)
    return model


def main() -> None:
    """Run the bench. Results below ``--folder`` are kept, so a stopped run continues."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("brats-phantoms"))
    parser.add_argument("--studies", type=int, default=96, help="studies with reports for pretraining")
    parser.add_argument("--pretraining", type=int, default=120, help="steps of pretraining")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60, help="training steps of each start")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    folder: Path = wanted.folder
    model = pretrain(folder, wanted.studies, wanted.pretraining)
    if not (folder / "brats").exists():
        write_cases(folder / "brats.tmp", wanted.cases)
        (folder / "brats.tmp").rename(folder / "brats")
    for task in (("classify", "--sequences", "T1CE"), ("segment",)):
        app(
            [
                "studies", "downstream", str(folder / "brats"), "--model", str(model), "--task", *task,
                "--seeds", str(wanted.seeds), "--steps", str(wanted.steps), "--batch", "4", "--device", "cpu",
                "--out", str(folder / task[0]), *(["--json"] if wanted.json else []),
            ],
            standalone_mode=False,
        )  # fmt: skip


if __name__ == "__main__":
    main()
