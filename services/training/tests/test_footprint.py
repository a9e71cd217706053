"""What a step needs, counted on fake tensors, and targets made on the device of the vectors."""

from __future__ import annotations

import pytest
import torch

from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.config import LossConfig
from journalclip_training.footprint import A100, estimate, of_figures, of_studies
from journalclip_training.recipes import article_config, study_config
from journalclip_training.similarity.mixed import TextKernels

FIGURES = ["selip_resnet50"]  # counting a recipe takes minutes on a busy machine
STUDIES = ["selip_paper"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_step_over_figures_fits_the_gpu(name: str) -> None:
    found = of_figures(article_config(name))
    assert found.fits(A100), f"{found.peak_bytes / 1e9:.0f} GB"
    assert found.peak_bytes > 4 * (found.parameters + 3 * found.trainable), (
        "weights, gradients and two moments at least"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_step_over_studies_fits_the_gpu(name: str) -> None:
    found = of_studies(study_config(name))
    assert found.fits(A100), f"{found.peak_bytes / 1e9:.0f} GB"
    assert found.peak_bytes > 4 * (found.parameters + 3 * found.trainable)


@pytest.mark.parametrize("kind", ["soft", "medclip", "sat"])
@pytest.mark.parametrize("syntax", ["edit", "bleu", "dice", "fields"])
def test_target_kernels_are_made_where_the_vectors_are(kind: str, syntax: str) -> None:
    config = LossConfig(kind=kind, syntax=syntax)  # type: ignore[arg-type]
    texts = ["T2WI: bright lesion in the left thalamus.", "no edema", "T2WI: bright lesion in the left thalamus."]
    kernels = TextKernels(config, texts, [CaptionRecord()] * 3)
    tile, ignored = kernels.at(torch.arange(3), torch.device("meta")).tile(slice(0, 2))
    assert tile.device.type == "meta"
    assert ignored is None or ignored.device.type == "meta"


def test_a_plan_for_a_number_of_pairs_needs_no_data() -> None:
    found, steps = estimate("demo", ["optim.epochs=2"], 1000)
    assert (found.batch, steps) == (128, 14)
    small, _ = estimate("demo", [], 40)
    assert small.batch == 40
    assert found.fits(A100)
