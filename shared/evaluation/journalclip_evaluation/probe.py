"""Two ways to ask how good an image tower is with labels at hand: a linear probe, and fine-tuning it.

The probe fits a multinomial logistic regression on frozen vectors; its regularisation is chosen by cross-validation
over patients, on the training split only. Fine-tuning trains the tower and a linear head together, from the same start
for every model, for a fixed number of epochs: no choice is made on the test split by either.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold

from journalclip_evaluation.classification import embed
from journalclip_evaluation.suite_data import Labelled
from journalclip_modeling.encoder import Encoder, image_features

Doubles = NDArray[np.float64]

_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)  # inverse regularisation, on vectors scaled to unit variance
_FOLDS = 3


def linear_probe_scores(encoder: Encoder, train: Labelled, test: Labelled) -> Doubles:
    """Class probabilities [N, C] of the test split."""
    learnt, asked = embed(encoder, train.pictures), embed(encoder, test.pictures)
    mean, scale = learnt.mean(0), learnt.std() + 1e-8
    learnt, asked = (learnt - mean) / scale, (asked - mean) / scale
    best = min(_STRENGTHS, key=lambda strength: _held_out_loss(learnt, train, strength))
    return probed(learnt, train.labels, asked, best)


def probed(
    learnt: NDArray[np.float32],
    truth: NDArray[np.int64],
    asked: NDArray[np.float32],
    strength: float,
    balanced: bool = False,
) -> Doubles:
    """Chances [N, C] of a logistic regression on frozen vectors; every class must be among ``truth`` [N].

    ``balanced`` weighs classes alike, however many examples each has.
    """
    fitted = _regression(strength, balanced).fit(learnt, truth)
    return np.asarray(fitted.predict_proba(asked), dtype=np.float64)


def _held_out_loss(vectors: NDArray[np.float32], train: Labelled, strength: float) -> float:
    losses = []
    folds = min(_FOLDS, len(set(train.groups)))
    for rows, held in GroupKFold(folds).split(vectors, train.labels, train.groups):
        fitted = _regression(strength).fit(vectors[rows], train.labels[rows])
        known = np.isin(train.labels[held], fitted.classes_)
        scores = fitted.predict_proba(vectors[held][known])
        losses.append(float(log_loss(train.labels[held][known], scores, labels=fitted.classes_)))
    return float(np.mean(losses))


def _regression(strength: float, balanced: bool = False) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=2000, class_weight="balanced" if balanced else None)


@dataclass(frozen=True)
class FineTuning:
    """The protocol's fixed choices, the same for every model that is compared."""

    epochs: int = 5
    batch: int = 32
    tower_rate: float = 1e-4
    head_rate: float = 1e-2
    weight_decay: float = 0.01
    seed: int = 0


def fine_tuned_scores(encoder: Encoder, train: Labelled, test: Labelled, how: FineTuning | None = None) -> Doubles:
    """Class probabilities [N, C] of the test split; the encoder itself is left as it was."""
    how = how or FineTuning()
    tuned = Encoder(copy.deepcopy(encoder.model), encoder.tokenizer, encoder.preprocess)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        head = torch.nn.Linear(tuned.dim, len(train.classes)).to(tuned.model.device)
        _fit(tuned, head, train, how)
    tuned.model.eval()
    with torch.inference_mode():
        parts = [
            torch.softmax(_logits(tuned, head, test, rows), 1).double().cpu().numpy()
            for rows in np.array_split(np.arange(len(test.labels)), 1 + len(test.labels) // how.batch)
        ]
    return np.asarray(np.concatenate(parts))


def _fit(tuned: Encoder, head: torch.nn.Linear, train: Labelled, how: FineTuning) -> None:
    tower = [*tuned.model.vision_model.parameters(), *tuned.model.visual_projection.parameters()]
    groups = [{"params": tower, "lr": how.tower_rate}, {"params": head.parameters(), "lr": how.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=how.weight_decay)
    labels = torch.from_numpy(train.labels).to(tuned.model.device)
    order = np.random.default_rng(how.seed)
    tuned.model.train()
    for _ in range(how.epochs):
        shuffled = order.permutation(len(train.labels))
        for rows in np.array_split(shuffled, 1 + len(shuffled) // how.batch):
            loss = torch.nn.functional.cross_entropy(_logits(tuned, head, train, rows), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def _logits(tuned: Encoder, head: torch.nn.Linear, items: Labelled, rows: NDArray[np.int64]) -> torch.Tensor:
    pixels = tuned.preprocess.batch([items.pictures[row]() for row in rows]).to(tuned.model.device)
    features = image_features(tuned.model, tuned.preprocess.normalise(pixels))
    logits: torch.Tensor = head(features)
    return logits
