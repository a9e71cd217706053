"""Captions of compound figures: subcaptions joined in the styles that journals use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from journalclip_synthetic.journals.facts import CaseFacts, pick
from journalclip_synthetic.journals.wording import Voice as Spelling

Style = Literal["brackets", "colon", "comma", "bracket", "trailing"]
STYLES: tuple[Style, ...] = ("brackets", "colon", "comma", "bracket", "trailing")
ROW = {2: ("Left", "Right"), 3: ("Left", "Center", "Right")}
COLUMN = {2: ("Upper panel", "Lower panel"), 3: ("Top", "Middle", "Bottom")}


@dataclass(frozen=True)
class Voice(Spelling):
    """A journal's habits, also of joining subcaptions."""

    style: Style = "brackets"
    lower: bool = False


@dataclass(frozen=True)
class Joined:
    """A caption and, for each panel, its subcaption exactly as it stands in it."""

    caption: str
    parts: tuple[str, ...]


def join_subcaptions(
    parts: Sequence[str], facts: CaseFacts | None, names: Sequence[str], voice: Voice, rng: np.random.Generator
) -> Joined:
    """``names`` are letters or places, one a panel; equal neighbours in ``parts`` are said once ("A and B")."""
    intro = _intro(facts, rng) if rng.random() < 0.75 else ""
    if not names:
        return Joined(f"{intro} {'; '.join(parts)}.".strip(), tuple(parts))
    said = _merged(parts, names, rng)
    if names[0].lower() != "a":
        return Joined(f"{intro} {'. '.join(f'{name}: {part}' for name, part in said)}.".strip(), tuple(parts))
    if voice.style == "trailing":
        body = "; ".join(f"{part} ({name})" for name, part in said)
        return Joined(f"{intro} {body}.".strip(), tuple(parts))
    lead = {"colon": "{}: ", "comma": "{}, ", "bracket": "{}) "}.get(voice.style, "({}) ")
    end = "; " if voice.style == "comma" else ". "
    return Joined(f"{intro} {end.join(lead.format(name) + part for name, part in said)}.".strip(), tuple(parts))


def _merged(parts: Sequence[str], names: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    """(name, subcaption) with runs of one subcaption under one name."""
    said: list[tuple[str, str]] = []
    start = 0
    for i in range(1, len(parts) + 1):
        if i < len(parts) and parts[i] == parts[start]:
            continue
        run = names[start:i]
        if len(run) == 1:
            name = run[0]
        elif len(run) == 2:
            name = pick(rng, (f"{run[0]} and {run[1]}", f"{run[0]}, {run[1]}", f"{run[0]}–{run[1]}"))
        else:
            name = f"{run[0]}{pick(rng, ('-', '–'))}{run[-1]}"
        said.append((name, parts[start]))
        start = i
    return said


def _intro(facts: CaseFacts | None, rng: np.random.Generator) -> str:
    if facts is None:
        return pick(rng, ("Outcome of the whole cohort.", "Results of the study.", "Summary of follow-up."))
    age, who = int(rng.integers(19, 84)), pick(rng, ("woman", "man"))
    return pick(
        rng,
        (
            f"Imaging of a {age}-year-old {who}.",
            f"Illustrative case of a {age}-year-old {who}.",
            f"Studies obtained in a {age}-year-old {who} (Patient {int(rng.integers(1, 60))}).",
            f"Case {int(rng.integers(1, 9))}.",
        ),
    )
