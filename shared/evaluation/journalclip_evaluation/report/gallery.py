"""The best and the worst retrievals as pictures: what a figure of 0.31 looks like."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from journalclip_evaluation.embedding_map import Case
from journalclip_modeling.data import FrozenDataset
from journalclip_shared.records.dataset import Split

_LARGE, _SMALL = 220, 88  # pixels: enough to see a lesion, and to tell pictures apart


@dataclass(frozen=True)
class Shown:
    """A pair as the gallery needs it; pictures are ``data:`` addresses."""

    text: str
    large: str
    small: str


def look_up(dataset: FrozenDataset, split: Split, cases: Sequence[Case]) -> dict[str, Shown]:
    """Every pair that the cases name, read in one pass over the split."""
    wanted = {name for case in cases for name in (case.pair_id, *case.captions, *case.pictures)}
    texts = {pair.pair_id: pair.text for pair in dataset.stream(split) if pair.pair_id in wanted}
    jpegs = {pair_id: data for pair_id, data in dataset.jpegs(split) if pair_id in wanted}
    return {name: Shown(texts[name], thumbnail(jpegs[name], _LARGE), thumbnail(jpegs[name], _SMALL)) for name in wanted}


def thumbnail(data: bytes, size: int) -> str:
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((size, size))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def cards(cases: Sequence[Case], shown: Mapping[str, Shown]) -> str:
    return '<div class="cases">' + "".join(_card(case, shown) for case in cases) + "</div>"


def _card(case: Case, shown: Mapping[str, Shown]) -> str:
    own = shown[case.pair_id]
    captions = "".join(
        f"<li{' class=own' if name == case.pair_id else ''}>{escape(_short(shown[name].text, 110))}</li>"
        for name in case.captions
    )
    pictures = "".join(
        f'<img class="{"own" if name == case.pair_id else "other"}" src="{shown[name].small}" '
        f'alt="{escape(_short(shown[name].text, 60))}" title="{escape(_short(shown[name].text, 160))}">'
        for name in case.pictures
    )
    return (
        f'<figure class="case"><img class="query" alt="{escape(_short(own.text, 60))}" src="{own.large}">'
        f'<figcaption title="{escape(case.pair_id)}">{escape(_short(own.text, 200))}</figcaption>'
        f"<p>Asked with the picture, this caption came <b>{_place(case.rank_of_caption)}</b>; first were:</p>"
        f"<ol>{captions}</ol>"
        f"<p>Asked with the caption, this picture came <b>{_place(case.rank_of_picture)}</b>; first were:</p>"
        f'<div class="strip">{pictures}</div></figure>'
    )


def _place(rank: float) -> str:
    """``1`` as 1st; a tie's expected rank as it is."""
    if rank != int(rank):
        return f"{rank:,.1f} on average (tied)"
    number = int(rank)
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"
