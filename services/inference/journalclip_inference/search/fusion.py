"""Joining what captions say with what pictures look like.

``score = c + g * d + e``: ``c`` is the share of the query that the caption says (0 to 1), ``d`` the cosine of the query
with the pair's picture, scaled so that the best of the collection has 1 and the least 0, ``e`` what an exact look-up
adds, and ``g = 0.1 + 1 - max c`` the gate. Where captions say what was asked, words decide and looks break ties; where
none says it, looks take over. Nothing is fitted. Measured against other ways in docs/benchmarks/search.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
TIES = 0.1  # what looks count where some caption says all that was asked


def gate(best_share: float, picture: bool = False) -> float:
    """The weight of looks. With a picture in the query looks were asked for and count in full."""
    return 1.0 if picture else TIES + 1.0 - best_share


def scaled(similarity: Scores, lowest: float, highest: float) -> Scores:
    """Cosines as 0 to 1 between the collection's least and best; 0 where all are equal."""
    width = highest - lowest
    if width <= 0:
        return np.zeros_like(similarity)
    inside: Scores = np.clip((similarity - lowest) / width, 0.0, 1.0).astype(np.float32)
    return inside


def fused(share: Scores, looks: Scores, exact: Scores, weight: float) -> Scores:
    """All float32 [N]; ``looks`` scaled."""
    total: Scores = (share + np.float32(weight) * looks + exact).astype(np.float32)
    return total
