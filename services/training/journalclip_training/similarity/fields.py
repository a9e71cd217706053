"""Agreement of the structured records: field by field, and a denied finding is not the finding.

For each field the coded terms of two records are compared as sets (``|A & B| / sqrt(|A| |B|)``); a field that both
leave empty says nothing. The agreement is the mean over the fields that speak, weighted. So "infarct" and "no infarct"
agree in nothing they say of findings, however alike they are as strings. Records that both say nothing at all agree in
nothing, 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from journalclip_shared.records.caption import CaptionRecord, Coded
from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block

Terms = Callable[[CaptionRecord], Iterable[str]]


def _coded(name: str) -> Terms:
    def terms(record: CaptionRecord) -> Iterable[str]:
        coded: tuple[Coded, ...] = getattr(record, name)
        return (each.term for each in coded)

    return terms


def _findings(negated: bool) -> Terms:
    return lambda record: (each.term for each in record.findings if each.negated == negated)


# What is seen weighs most; the way it was imaged next. What is denied is a matter of the writer's habit more than of
# the picture: of two reports of an infarct one says "no haemorrhage", the other "no mass".
FIELDS: tuple[tuple[float, Terms], ...] = (
    (3.0, _findings(negated=False)),
    (0.5, _findings(negated=True)),
    (1.0, _coded("modality")),
    (1.0, _coded("sequence")),
    (1.0, _coded("plane")),
    (1.0, _coded("anatomy")),
    (1.0, _coded("laterality")),
    (1.0, _coded("stage")),
    (1.0, _coded("procedure")),
)


def multi_hot(records: Sequence[CaptionRecord], terms: Terms) -> Tensor:
    """float32 [len(records), distinct terms], 1 where the record has the term."""
    sets = [set(terms(record)) for record in records]
    vocabulary = {term: i for i, term in enumerate(sorted(set().union(*sets)))}
    out = torch.zeros(len(records), max(1, len(vocabulary)))
    for row, found in zip(out, sets, strict=True):
        row[[vocabulary[term] for term in found]] = 1
    return out


class Fields:
    """Weighted mean of the fields' agreements, over the fields that either record fills.

    Both sums are inner products: of the records' joined unit vectors, and of what each leaves empty.
    """

    def __init__(self, records: Sequence[CaptionRecord]) -> None:
        parts, empty = [], []
        for weight, terms in FIELDS:
            hot = multi_hot(records, terms)
            parts.append(torch.nn.functional.normalize(hot, dim=1) * weight**0.5)
            empty.append((hot.sum(1) == 0).float() * weight**0.5)
        self.joined, self.empty = torch.cat(parts, 1), torch.stack(empty, 1)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        x, e = self.joined[ids].to(device), self.empty[ids].to(device)
        everything = sum(weight for weight, _ in FIELDS)

        def block(rows: slice, columns: slice) -> Tensor:
            spoken = (e[rows] @ e[columns].T).neg_().add_(everything)
            return (x[rows] @ x[columns].T).div_(spoken.clamp_(min=1))

        return block


class Labels:
    """Cosine of the whole records as multi-hot vectors: the similarity of MedCLIP (arXiv 2210.10163)."""

    def __init__(self, records: Sequence[CaptionRecord]) -> None:
        joined = torch.cat([multi_hot(records, terms) for _, terms in FIELDS], 1)
        self.features = torch.nn.functional.normalize(joined, dim=1)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        x = self.features[ids].to(device)
        return lambda rows, columns: x[rows] @ x[columns].T
