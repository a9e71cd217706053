"""The papers' tables beside our own figures, with what differs in protocol in every row.

A published figure is a constant here, with its source. Ours is what was measured in this run, or "not measured" and how
to measure it. The two are never subtracted from each other: pool, data and checkpoint differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.retrieval import SIDES, Metric, Ranked
from journalclip_evaluation.unique_texts import UniqueTextRetrieval

if TYPE_CHECKING:
    from journalclip_evaluation.report.shown import Forgetting, SuiteResults

Measure = Literal["recall", "top", "auroc", "accuracy", "none"]


@dataclass(frozen=True)
class PublishedRow:
    """One line of a paper's table, which of our measurements stands beside it, and what makes the two different."""

    measure: str
    published: str
    ours: Measure
    differs: str
    suite: str = ""
    metric: Metric = "r1"
    k: int = 1  # of Top-k
    how: str = ""  # the command that measures it, where none of this report does


@dataclass(frozen=True)
class PublishedTable:
    """A named report."""

    name: str
    heading: str
    published: str
    caveat: str
    rows: Sequence[PublishedRow]

    @property
    def suites(self) -> tuple[str, ...]:
        """Suites whose data this table needs."""
        return tuple(dict.fromkeys(row.suite for row in self.rows if row.suite))


_NOT_READ = "value not readable to us"
_OWN_PAIRS = "Ours: this run's test split, split by article, its pool as printed; strict; ties in random order."
_OWN_TEXTS = (
    "Published: right by the text's string. Ours: the same, over this run's test split, its pool as printed; intervals "
    "by patient; text to image, which is not published, asks each unique text for any volume that has it."
)
_OWN_CT = (
    "Published: the tasks' data and protocol details are not public. Ours: your own labelled slices in the suite "
    "head-ct-six; AUROC macro over its classes."
)

CNS_CLIP = PublishedTable(
    name="cns-clip",
    heading="CNS-CLIP's table beside ours",
    published=(
        "CNS-CLIP (Neurosurgery, doi 10.1227/neu.0000000000003297): OpenAI's CLIP fine-tuned on 24,021 figure-caption "
        "pairs of the society's journals. Which CLIP, the retrieval pool and its split are not public."
    ),
    caveat=(
        "Recall depends on the size of the pool, and the published pool is not known: compare each model with its own "
        "start (published: 24.56 against 8.61, a factor of 2.85), never across the columns."
    ),
    rows=(
        PublishedRow(
            "Top-1 retrieval", "24.56 % (base CLIP 8.61 %)", "recall", f"Published: pool not given. {_OWN_PAIRS}"
        ),
        PublishedRow(
            "head CT, six tasks, mean AUROC", "0.95 (base CLIP 0.94, plain ViT 0.62)", "auroc", _OWN_CT, "head-ct-six"
        ),
        PublishedRow(
            "ImageNet, zero-shot accuracy", "47.55 % (base CLIP 52.37 %)", "accuracy",
            "Published: prompts not given. Ours: classes and templates of the suite imagenet, on the images you place.",
            "imagenet",
        ),
    ),
)  # fmt: skip
SELIP = PublishedTable(
    name="selip",
    heading="SeLIP's tables beside ours",
    published=(
        "SeLIP (arXiv 2503.19801): contrastive pretraining on 10,825 head-MRI examinations with reports, 17,529 "
        "training and 3,079 test pairs. The numbers in its tables could not be read by us, so none is repeated here."
    ),
    caveat="Where we could not read a printed value, the column says so; the task still stands beside our figure.",
    rows=(
        *(
            PublishedRow(
                f"Top-{k}, a volume against all unique texts", f"{_NOT_READ}; 3,079 test pairs", "top",
                _OWN_TEXTS if k == 1 else "As above.", k=k,
            )
            for k in range(1, 11)
        ),
        PublishedRow(
            "classification, own hospital", _NOT_READ, "auroc",
            "Published: the hospital's own labels. Ours: your labelled slices in the suite brain-mri.",
            "brain-mri",
        ),
        PublishedRow(
            "BraTS19, HGG or LGG from T1ce by share of the labels: accuracy, precision, recall, F1, AUROC", _NOT_READ,
            "none",
            "Published: encoder initialised from SeLIP, linear head. Ours: fine-tuned, and a probe; split by patient.",
            how="journalclip studies downstream BRATS --task classify --sequences T1CE",
        ),
        PublishedRow(
            "BraTS19, slices, AUROC", "not published", "auroc",
            "Ours alone: slices of the challenge in the suite brats19.", "brats19",
        ),
        PublishedRow(
            "segmentation, BraTS19, Dice and HD95 at 1, 10 and 100 % of the labels", _NOT_READ, "none",
            "Published: in the paper, not in its code. Ours: whole, core, enhancing by share of the labels.",
            how="journalclip studies downstream BRATS --task segment",
        ),
    ),
)  # fmt: skip
_TABLES = {table.name: table for table in (CNS_CLIP, SELIP)}


def published_table(name: str) -> PublishedTable:
    """Raises `SuiteUnusable` for a name that is none."""
    if name not in _TABLES:
        raise SuiteUnusable(name, f"no such table; there are {', '.join(_TABLES)}")
    return _TABLES[name]


def rows_of(
    table: PublishedTable,
    models: Mapping[str, Ranked],
    suites: Sequence[SuiteResults] = (),
    general: Forgetting | None = None,
    unique: Mapping[str, UniqueTextRetrieval] | None = None,
) -> list[tuple[str, ...]]:
    """``(measure, published, one cell a model, what differs)`` a row; ``unique`` has models of studies alone."""

    def cell(row: PublishedRow, name: str) -> str:
        if row.ours == "top":
            return _top((unique or {}).get(name), row.k)
        return _ours(row, name, models, suites, general)

    return [(row.measure, row.published, *(cell(row, name) for name in models), row.differs) for row in table.rows]


def _ours(
    row: PublishedRow,
    model: str,
    models: Mapping[str, Ranked],
    suites: Sequence[SuiteResults],
    general: Forgetting | None,
) -> str:
    if row.ours == "recall":
        return _recall(models[model], row.metric)
    found = [suite for suite in suites if suite.name == row.suite]
    if row.ours == "auroc" and found and model in found[0].models:
        each = [f"{one.macro_auroc:.3f} {one.protocol}" for one in found[0].models[model]]
        return "; ".join(each)
    if row.ours == "accuracy":
        zero_shot = found[0].zero_shot(model) if found else None
        if zero_shot is not None:
            return f"{100 * zero_shot.accuracy:.2f} %"
        if general is not None and general.suite == row.suite and model in general.points:
            return f"{100 * general.points[model][0]:.2f} %"
    if row.how:
        return f"not measured here: {row.how}"
    return "not measured" + (f": needs --suite {row.suite}" if row.suite else "")


def _top(found: UniqueTextRetrieval | None, k: int) -> str:
    if found is None:
        return "not measured: for models of studies"
    said = []
    for way, side in (("image to text", found.image_to_text), ("text to image", found.text_to_image)):
        low, high = side.intervals[k - 1]
        said.append(f"{100 * side.top[k - 1]:.2f} % ({100 * low:.2f} to {100 * high:.2f}) {way}, pool {side.pool:,}")
    return "; ".join(said)


def _recall(ranked: Ranked, metric: Metric) -> str:
    shares = [100 * float(np.mean(ranked.strict[side].hits(int(metric[1:])))) for side in SIDES]
    pool = ranked.strict[SIDES[0]].pool
    return f"{shares[0]:.2f} % image to text, {shares[1]:.2f} % text to image, pool {pool:,}"
