"""Classification of whole studies: a head over the study's pooled vector, fine-tuned with the towers or on frozen ones.

Labels are the user's own, any number of classes. Classes weigh the same in the loss however many studies each has, and
the same network is trained by the same steps from pretrained or from random weights; what differs is the start.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support
from torch import Tensor, nn
from torch.nn import functional

from journalclip_evaluation.auroc import macro, one_against_rest
from journalclip_evaluation.probe import probed
from journalclip_modeling.studies.model import StudyModel
from journalclip_training.studies.augment import vary
from journalclip_training.studies.config import StudyDataConfig

Chances = NDArray[np.float64]  # [N, classes]
_STRENGTH = 10.0  # inverse regularisation of the probe, on unit vectors


@dataclass(frozen=True)
class ClassifyConfig:
    """``steps`` is the same for any number of labels, so that fewer labels do not mean less training."""

    steps: int = 200
    batch: int = 8  # studies
    lr: float = 2e-3
    tower_lr: float = 5e-4
    data: StudyDataConfig = field(default_factory=lambda: StudyDataConfig(drop_sequences=0.0))
    seed: int = 0


class StudyClassifier(nn.Module):
    """A study model and a linear head."""

    def __init__(self, model: StudyModel, classes: int) -> None:
        super().__init__()
        self.model = model
        width = model.config.hidden
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, voxels: Tensor, present: Tensor) -> Tensor:
        """Logits [N, classes] of uint8 [N, S, Z, H, W] and bool [N, S]."""
        logits: Tensor = self.head(self.model(voxels, present).hidden)
        return logits


def train_classifier(
    model: StudyModel, voxels: Tensor, present: Tensor, truth: Tensor, classes: int, config: ClassifyConfig
) -> StudyClassifier:
    """A classifier that starts from ``model``, trained on int64 classes [N], on the device where the model is.

    ``model`` itself is changed; pass a copy.
    """
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = StudyClassifier(model, classes).to(device).train()
    groups = [
        {"params": list(net.model.parameters()), "lr": config.tower_lr},
        {"params": list(net.head.parameters()), "lr": config.lr},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [config.tower_lr, config.lr], total_steps=config.steps, pct_start=0.1
    )
    weight = _class_weights(truth, classes).to(device)
    rng = np.random.default_rng(config.seed)
    for _ in range(config.steps):
        rows = torch.from_numpy(rng.choice(len(voxels), min(config.batch, len(voxels)), replace=False))
        optimizer.zero_grad(set_to_none=True)
        logits = net(vary(voxels[rows], config.data, rng).to(device), present[rows].to(device))
        functional.cross_entropy(logits, truth[rows].to(device), weight).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return net.eval()


def classify(net: StudyClassifier, voxels: Tensor, present: Tensor, batch: int = 16) -> Chances:
    """Chances of the classes, [N, classes]."""
    device = next(net.parameters()).device
    with torch.inference_mode():
        parts = [
            net(voxels[a : a + batch].to(device), present[a : a + batch].to(device)).double().softmax(1).cpu()
            for a in range(0, len(voxels), batch)
        ]
    return np.asarray(torch.cat(parts).numpy())


def study_vectors(model: StudyModel, voxels: Tensor, present: Tensor, batch: int = 16) -> NDArray[np.float32]:
    """Unit vectors [N, dim] of the space that texts share, from the model as it is."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        parts = [
            model.eval()(voxels[a : a + batch].to(device), present[a : a + batch].to(device)).studies.cpu()
            for a in range(0, len(voxels), batch)
        ]
    return np.asarray(torch.cat(parts).numpy())


def linear_probe(learnt: NDArray[np.float32], truth: NDArray[np.int64], asked: NDArray[np.float32]) -> Chances:
    """Logistic regression on frozen vectors, classes weighted alike; every class must be among ``truth`` [N]."""
    with warnings.catch_warnings():  # of one example a class, which is what few-shot asks for
        warnings.simplefilter("ignore", UserWarning)
        return probed(learnt, truth, asked, _STRENGTH, balanced=True)


def classification_scores(chances: Chances, truth: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, precision, recall, F1 and AUC of the true classes [N].

    Precision, recall and F1 are means over the classes that are there (recall is then the balanced accuracy); AUC is
    one class against the rest, mean over classes. A class that is never chosen has precision 0. Raises
    `NothingToEvaluate` where a class has no study.
    """
    chosen = chances.argmax(1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, chosen, labels=np.unique(truth), average="macro", zero_division=0.0
    )
    return {
        "accuracy": float((chosen == truth).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "F1": float(f1),
        "AUC": macro(one_against_rest(chances, truth)).value,
    }


def _class_weights(truth: Tensor, classes: int) -> Tensor:
    counts = torch.bincount(truth, minlength=classes)
    return len(truth) / (classes * counts.clamp(min=1)).float()
