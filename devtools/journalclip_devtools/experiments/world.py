"""A synthetic world of pictures and paraphrases: many pairs say the same in other words.

A fact is a shape, a shade and a place; a picture draws it with noise and jitter, a caption words it by one of several
templates with synonyms. Pairs of one fact are near-duplicates that plain contrastive training treats as negatives, as
captions of like cases in a journal do. ``shift`` draws another domain: other shapes in inverse shades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from journalclip_shared.artifacts import blob_ref
from journalclip_shared.ids import make_id
from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.pair import Pair
from journalclip_training.pictures import InMemory
from journalclip_training.samples import Samples

SIZE = 16  # pixels: a picture of one object needs no more, and a study needs many runs

GENERAL = {
    "disc": ("disc", "round lesion", "circular focus"),
    "bar": ("bar", "linear band", "elongated streak"),
    "ring": ("ring", "annular lesion", "hollow circle"),
    "cross": ("cross", "crossing lines", "plus-shaped mark"),
}
SHIFTED = {
    "square": ("square", "box-like area", "quadrangular patch"),
    "corner": ("corner", "angular edge", "L-shaped mark"),
    "stripes": ("stripes", "parallel bands", "banded texture"),
    "dot pair": ("dot pair", "two foci", "twin spots"),
}
SHADES = {"bright": ("bright", "hyperintense", "light"), "dark": ("dark", "hypointense", "black")}
PLACES = {"left": ("left", "on the left side"), "right": ("right", "on the right side"),
          "upper": ("upper", "in the upper part"), "lower": ("lower", "in the lower part")}  # fmt: skip
TEMPLATES = ("{shade} {shape}, {place}", "{place}: {shade} {shape}", "image shows a {shade} {shape} {place}",
             "there is a {shape} {place}, {shade}", "{shape} ({shade}), {place}", "a {shape} is seen {place}; it is {shade}")  # fmt: skip  # noqa: E501


@dataclass(frozen=True)
class Fact:
    """What one picture shows."""

    shape: str
    shade: str
    place: str


@dataclass(frozen=True)
class World:
    """Pairs with the number of the fact each shows."""

    samples: Samples
    facts: NDArray[np.int64]


def draw_world(pairs: int, seed: int, shift: bool = False, noise: float = 0.1, wrong: float = 0.0) -> World:
    """Deterministic in its arguments; facts are drawn evenly. A share ``wrong`` of the records tells another fact than
    picture and caption do, as a structuring model's errors would."""
    rng = np.random.default_rng((seed, int(shift)))
    shapes = SHIFTED if shift else GENERAL
    facts = facts_of(shapes)
    numbers = rng.permutation(np.arange(pairs) % len(facts))
    chosen = [facts[number] for number in numbers]
    pixels = np.stack([picture(fact, rng, noise) for fact in chosen])
    images = torch.from_numpy((pixels * 255).astype(np.uint8))[:, None].expand(-1, 3, -1, -1).contiguous()
    texts = [caption(fact, shapes, rng) for fact in chosen]
    recorded = [facts[rng.integers(len(facts))] if rng.random() < wrong else fact for fact in chosen]
    keys = (f"{seed} {shift} {i}" for i in range(pairs))
    made = tuple(map(_pair, recorded, texts, keys))
    return World(Samples(made, InMemory(images)), numbers.astype(np.int64))


def facts_of(shapes: Mapping[str, tuple[str, ...]] = GENERAL) -> list[Fact]:
    """All facts of a world; `World.facts` are places in this list."""
    return [Fact(shape, shade, place) for shape in shapes for shade in SHADES for place in PLACES]


def caption(fact: Fact, shapes: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> str:
    """One wording of the fact."""
    return str(rng.choice(TEMPLATES)).format(
        shape=rng.choice(shapes[fact.shape]), shade=rng.choice(SHADES[fact.shade]), place=rng.choice(PLACES[fact.place])
    )


def picture(fact: Fact, rng: np.random.Generator, noise: float) -> NDArray[np.float64]:
    """Grey [SIZE, SIZE] in 0 to 1."""
    x0, y0 = {"left": (-0.4, 0.0), "right": (0.4, 0.0), "upper": (0.0, -0.4), "lower": (0.0, 0.4)}[fact.place]
    axis = np.linspace(-1, 1, SIZE)
    jitter = rng.uniform(-0.12, 0.12, 2)
    x, y = axis[None, :] - x0 - jitter[0], axis[:, None] - y0 - jitter[1]
    shade = {"bright": 1.0, "dark": 0.0}[fact.shade]
    canvas = np.where(_shape(fact.shape, x, y), shade, 0.5)
    return np.clip(canvas + noise * rng.normal(size=canvas.shape), 0, 1)


def _shape(name: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    r = np.hypot(x, y)
    ax, ay = np.abs(x + 0 * y), np.abs(y + 0 * x)
    masks: dict[str, NDArray[np.bool_]] = {
        "disc": r < 0.36,
        "bar": (ax < 0.5) & (ay < 0.16),
        "ring": (r < 0.48) & (r > 0.26),
        "cross": ((ax < 0.13) | (ay < 0.13)) & (np.maximum(ax, ay) < 0.46),
        "square": np.maximum(ax, ay) < 0.32,
        "corner": (np.maximum(ax, ay) < 0.44) & ((x + 0 * y < -0.2) | (y + 0 * x > 0.2)),
        "stripes": (np.maximum(ax, ay) < 0.46) & (np.sin(14 * y + 0 * x) > 0),
        "dot pair": (np.hypot(x - 0.26, y) < 0.18) | (np.hypot(x + 0.26, y) < 0.18),
    }
    return masks[name]


def _pair(fact: Fact, text: str, key: str) -> Pair:
    record = CaptionRecord(
        findings=(Finding(term=fact.shape),),
        sequence=(Coded(term=fact.shade),),
        laterality=(Coded(term=fact.place),),
        rendering=f"{fact.shade} {fact.shape}, {fact.place}",
    )
    return Pair(
        pair_id=make_id("pair", key),
        article_id=make_id("art", key),
        figure_id=make_id("fig", key),
        label="Figure 1",
        image=blob_ref("figures", "0" * 64, 1, "image/png"),  # drawn, never stored
        text=text,
        record=record,
        page=1,
    )
