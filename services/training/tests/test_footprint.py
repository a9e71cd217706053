"""Every GPU recipe fits the GPU that it names, and asks for no tensor on another device; counted on fake tensors."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.studies.model import study_model
from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.config import LossConfig
from journalclip_training.footprint import A100, clip_sizes, estimate, fake_clip, of_figures, of_studies
from journalclip_training.losses import contrast
from journalclip_training.losses.kernel import Groups
from journalclip_training.objective import soft_contrast
from journalclip_training.recipes import article_config, recipes_of, study_config
from journalclip_training.similarity.mixed import TextKernels
from journalclip_training.towers import Towers, patches

FIGURES = [name for name in recipes_of("articles") if name != "demo"]
STUDIES = ["selip_paper", "selip_resnet50_studies", "selip_vit_b16_studies"]


def exact(s: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    """`log_sums` by its careful branch: which branch is taken depends on values, and fake tensors have none."""
    del out
    return s.logsumexp(1), s.logsumexp(0)


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


def test_recomputed_activations_take_less_memory() -> None:
    demo = study_config("study_demo")
    demo = replace(demo, optim=replace(demo.optim, batch=4))
    whole, chunked = of_studies(demo), of_studies(replace(demo, checkpoint_slices=40))
    assert chunked.peak_bytes < whole.peak_bytes
    assert chunked.operations >= whole.operations


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_step_over_figures_stays_on_its_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrast, "log_sums", exact)
    config = article_config(name)
    sizes = clip_sizes(config)
    with FakeTensorMode(), torch.device("cuda"):
        model, image = fake_clip(config, sizes).train(), sizes.vision_config.image_size
        towers = Towers(model, Preprocess(image), False, config.model.patch_dropout)
        drawn = 8 + (patches(model) if config.model.patch_dropout else 0)
        context = sizes.text_config.max_position_embeddings
        v, t = towers(
            torch.zeros(4, 3, image, image, dtype=torch.uint8), torch.zeros(4, context, dtype=torch.int64),
            torch.zeros(4, drawn), config.data.augment,
        )  # fmt: skip
        kernel = None if config.loss.kind == "clip" else Groups(torch.zeros(4, dtype=torch.int64))
        loss = soft_contrast(config.loss, v, t, model.logit_scale.exp(), kernel)
        assert {v.device.type, t.device.type, loss.device.type} == {"cuda"}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_step_over_studies_stays_on_its_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrast, "log_sums", exact)
    config = study_config(name)
    with FakeTensorMode(), torch.device("cuda"):
        model = study_model(config.model).train()
        volumes = torch.zeros(2, *config.model.grid, dtype=torch.uint8)
        hidden, weights = model.encode_volumes(volumes, torch.zeros(2, dtype=torch.int64))
        texts = model.texts(torch.zeros(2, config.model.text.context, dtype=torch.int64))
        loss = soft_contrast(
            config.loss, torch.zeros_like(texts), texts, model.logit_scale.exp(), Groups(torch.arange(2))
        )
        assert {each.device.type for each in (hidden, weights, texts, loss)} == {"cuda"}


@pytest.mark.parametrize("kind", ["soft", "medclip", "sat", "selip"])
@pytest.mark.parametrize("syntax", ["edit", "bleu", "dice", "fields", "clauses"])
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
