"""Two ways to ask how good an image tower is with labels at hand: a linear probe, and fine-tuning it.

The probe is CLIP's (Radford et al. 2021, appendix A.3): a multinomial logistic regression by L-BFGS, at most 1,000
iterations, on the image tower's features before their projection; its strength is searched over 1e-6 to 1e6, coarsely
and then in steps of a quarter of a decade. Where CLIP has a validation split, the choice here is by cross-validation
over patients, on the training split only. Fine-tuning trains the tower and a linear head together, from the same start
for every model, for a fixed number of epochs: no choice is made on the test split by either.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
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

_COARSE = (1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6)  # inverse regularisation, CLIP's first seven
_FINE = 10.0 ** np.array([-1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0])  # around the best of them
_FOLDS = 3


def linear_probe_scores(encoder: Encoder, train: Labelled, test: Labelled) -> Doubles:
    """Class probabilities [N, C] of the test split."""
    learnt, asked = (embed(encoder, items.pictures, encoder.embed_hidden) for items in (train, test))
    mean, scale = learnt.mean(0), learnt.std() + 1e-8
    learnt, asked = (learnt - mean) / scale, (asked - mean) / scale
    best = _strength(learnt, train)
    found = np.zeros((len(asked), len(train.classes)))  # a class without a training picture has no chance
    found[:, np.unique(train.labels)] = probed(learnt, train.labels, asked, best)
    return found


def _strength(learnt: NDArray[np.float32], train: Labelled) -> float:
    """The least held-out loss; with one patient there is nothing to hold out, and 1 is taken."""
    if len(set(train.groups)) < 2:
        return 1.0

    def least(strengths: Sequence[float]) -> float:
        return min(strengths, key=lambda strength: _held_out_loss(learnt, train, strength))

    coarse = least(_COARSE)
    return least([coarse, *(coarse * _FINE).tolist()])


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
    return LogisticRegression(C=strength, max_iter=1000, class_weight="balanced" if balanced else None)


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
    tower = [
        weight for name, weight in tuned.model.named_parameters() if not name.startswith(("text", "logit"))
    ]  # whatever the family calls its image side
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
