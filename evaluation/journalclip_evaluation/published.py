"""The papers' tables beside our own figures, with what differs in protocol said first.

A published figure is a constant here, with its source. Ours is what was measured in this run, or "not measured". The
two are never subtracted from each other: pool, data and checkpoint differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_evaluation.classification import Classification
from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.retrieval import SIDES, Ranked

Measure = Literal["r1", "auroc", "general", "none"]
_MISSING = "not measured"


@dataclass(frozen=True)
class PublishedRow:
    """One line of a paper's table and which of our measurements stands beside it."""

    measure: str
    published: str
    ours: Measure
    suite: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """A named report."""

    name: str
    title: str
    protocol: str
    caveat: str
    rows: Sequence[PublishedRow]
    columns: tuple[str, ...] = ("its start", "this model")


CNS_CLIP = PublishedTable(
    name="cns-clip",
    title="CNS-CLIP's table (Neurosurgery, doi 10.1227/neu.0000000000003297)",
    protocol=(
        "Published: a fine-tuned OpenAI CLIP on 24,021 pairs of three neurosurgical journals; the pool of the "
        "retrieval figures and the variant of CLIP are not public. Ours: this run's dataset and model, its pool as "
        "printed."
    ),
    caveat="Pools differ, so the retrieval figures are not comparable in size; compare the ratio to the own start.",
    rows=(
        PublishedRow("Top-1 retrieval", "24.56 % (base CLIP 8.61 %, 2.85 times)", "r1"),
        PublishedRow("head CT, six tasks, mean AUROC", "0.95 (base CLIP 0.94, plain ViT 0.62)", "auroc", "head-ct-six"),
        PublishedRow("ImageNet, zero-shot accuracy", "47.55 % (base CLIP 52.37 %)", "general", "imagenet"),
    ),
)
SELIP = PublishedTable(
    name="selip",
    title="SeLIP's tables (arXiv 2503.19801)",
    protocol=(
        "Published: 10,825 head-MRI examinations with reports, 17,529 training and 3,079 test pairs, retrieval, "
        "classification (also BraTS19) and segmentation. The values printed in its tables could not be read by us, "
        "so none is repeated here."
    ),
    caveat="The left column says what was published, without a number where we could not read one.",
    rows=(
        PublishedRow("image-text retrieval, recall@1, 3,079 test pairs", "value not readable", "r1"),
        PublishedRow("classification, own data, AUROC", "value not readable", "auroc", "brain-mri"),
        PublishedRow("classification, BraTS19, AUROC", "value not readable", "auroc", "brats19"),
        PublishedRow("segmentation, BraTS19, Dice", "value not readable", "none"),
    ),
)
_TABLES = {table.name: table for table in (CNS_CLIP, SELIP)}


def published_table(name: str) -> PublishedTable:
    """Raises `SuiteUnusable` for a name that is none."""
    if name not in _TABLES:
        raise SuiteUnusable(name, f"no such table; there are {', '.join(_TABLES)}")
    return _TABLES[name]


def rows_of(
    table: PublishedTable, models: Mapping[str, Ranked], suites: Mapping[str, Sequence[Classification]]
) -> list[tuple[str, ...]]:
    """``(measure, published, its start, this model)`` a row."""
    return [
        (row.measure, row.published, *(_ours(row, name, models, suites) for name in table.columns))
        for row in table.rows
    ]


def _ours(
    row: PublishedRow, model: str, models: Mapping[str, Ranked], suites: Mapping[str, Sequence[Classification]]
) -> str:
    if row.ours == "r1":
        ranked = models.get(model)
        return _r1(ranked) if ranked is not None else _MISSING
    if row.ours in ("auroc", "general") and model == "this model":
        zero_shot = [each for each in suites.get(row.suite, ()) if each.protocol == "zero-shot"]
        if zero_shot:
            return f"{zero_shot[0].macro_auroc:.3f}" if row.ours == "auroc" else f"{100 * zero_shot[0].accuracy:.2f} %"
    return _MISSING


def _r1(ranked: Ranked) -> str:
    shares = [100 * float(np.mean(ranked.strict[side].hits(1))) for side in SIDES]
    return f"{shares[0]:.2f} % image to text, {shares[1]:.2f} % text to image, pool {ranked.strict[SIDES[0]].pool:,}"
