"""Agreement of structured records by the evidence that they share: rare terms count more, and little is never much.

Each coded term of a record weighs its field's weight times its inverse document frequency over the set's texts,
``log((N + 1) / (n + 1))``: a term that all texts have says nothing. With e the weight of what two records share, and
a, b the weights of each, the agreement is ``e / sqrt(a b) * e / (e + half)``. The first factor is the cosine. The
second says how much there is to go by: two texts that hold one common word and nothing else agree fully by the cosine,
and weakly here. It never reaches 1, so that only equal texts count as equal. Records that say nothing agree in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from journalclip_shared.records.caption import CaptionRecord
from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block
from journalclip_training.similarity.fields import FIELDS, multi_hot

HALF = 2.0  # shared weight at which the second factor is a half: less than one finding of a tenth of the texts (7)


class Evidence:
    """As `Fields`, with terms weighed by how rare they are, and agreement by how much is shared."""

    def __init__(self, records: Sequence[CaptionRecord]) -> None:
        parts = []
        for weight, terms in FIELDS:
            hot = multi_hot(records, terms)
            rare = torch.log((len(records) + 1) / (hot.sum(0) + 1))
            parts.append(hot * (weight * rare).sqrt())
        self.joined = torch.cat(parts, 1)

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        x = self.joined[ids].to(device)
        size = x.square().sum(1).sqrt().clamp_(min=1e-6)

        def block(rows: slice, columns: slice) -> Tensor:
            shared = x[rows] @ x[columns].T
            return shared.square().div_((shared + HALF).mul_(size[rows, None]).mul_(size[columns]))

        return block
