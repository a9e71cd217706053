"""The best and the worst retrievals as pictures: what a figure of 0.31 looks like."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from journalclip_evaluation.counting import Floats, Ints
from journalclip_evaluation.retrieval import Ranked

_THUMB = 220  # pixels: enough to see a lesion, ten of them are 100 kB


@dataclass(frozen=True)
class Case:
    """One picture as query: its own caption, where that stood, and the captions that came first."""

    pair_id: str
    caption: str
    rank: float
    picture: str
    found: tuple[str, ...]


def choose(ranked: Ranked, count: int) -> tuple[Ints, Ints]:
    """Rows of the best and of the worst picture queries, each from an article of its own while there are enough."""
    ranks = ranked.strict["image_to_text"].rank()
    order = np.argsort(ranks, kind="stable")
    return _spread(order, ranked.articles, count), _spread(order[::-1], ranked.articles, count)


def cases(
    rows: Ints, ranked: Ranked, images: Floats, texts: Floats, captions: Sequence[str], pictures: Mapping[str, bytes]
) -> list[Case]:
    """``pictures`` holds the JPEG of every chosen pair by its id."""
    ranks = ranked.strict["image_to_text"].rank()
    found = []
    for row in rows:
        first = np.argsort(-(texts @ images[row]), kind="stable")[:3]
        pair_id = ranked.pair_ids[row]
        picture = thumbnail(pictures[pair_id])
        found.append(
            Case(pair_id, captions[row], float(ranks[row]), picture, tuple(captions[place] for place in first))
        )
    return found


def thumbnail(data: bytes) -> str:
    """A ``data:`` address."""
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((_THUMB, _THUMB))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _spread(order: Ints, articles: Sequence[str], count: int) -> Ints:
    chosen: list[int] = []
    for row in order:
        if articles[row] not in {articles[other] for other in chosen}:
            chosen.append(int(row))
        if len(chosen) == count:
            break
    return np.asarray(chosen, np.int64)
