"""Texts of panels that extraction left without words, from their figure's caption.

A structurer that can divide captions is asked for panels without a text, or with next to none ("arrow"). What it cannot
divide stays as extraction left it; a panel that ends without a text makes no pair and is counted with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from journalclip_shared.records.article import Figure, Panel
from journalclip_structuring.structurer import Failure, SplitRequest, Splitter, Structurer

_FEW: Final = 3  # words or fewer say nothing that a pair could be made of
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class PanelTexts:
    """Texts by panel id; ``failures`` says of panels that stay without one why."""

    texts: dict[str, str]
    failures: dict[str, Failure]


def panel_texts(figures: Sequence[Figure], structurer: Structurer) -> PanelTexts:
    """Raises nothing; failures that another try may mend are `retryable` as any structurer's."""
    wanting = [(figure, _bare(figure)) for figure in figures if figure.tier == "panels" and figure.caption.strip()]
    wanting = [(figure, bare) for figure, bare in wanting if bare]
    texts: dict[str, str] = {}
    failures: dict[str, Failure] = {}
    for (_, bare), outcome in zip(wanting, _divided(wanting, structurer), strict=True):
        for panel in bare:
            said = "" if isinstance(outcome, Failure) else outcome.get(panel.letter or "", "")
            kept = said or text_of(panel)
            if kept:
                texts[panel.panel_id] = kept
            if isinstance(outcome, Failure) and (outcome.retryable or not kept):
                failures[panel.panel_id] = outcome
            elif not kept:
                failures[panel.panel_id] = Failure("panel-without-text", "the caption has no words for it")
    return PanelTexts(texts, failures)


def text_of(panel: Panel) -> str:
    """What extraction says of the panel."""
    return (panel.text or panel.subcaption or "").strip()


def _bare(figure: Figure) -> list[Panel]:
    """Its panels with a picture and next to no words."""
    return [each for each in figure.panels if each.image is not None and len(_WORD.findall(text_of(each))) <= _FEW]


def _divided(
    wanting: Sequence[tuple[Figure, Sequence[Panel]]], structurer: Structurer
) -> Sequence[dict[str, str] | Failure]:
    if not isinstance(structurer, Splitter):
        return [Failure("panel-without-text", "extraction found no words for it") for _ in wanting]
    asked = [
        SplitRequest(figure.figure_id, figure.caption.strip(), tuple(dict.fromkeys(p.letter for p in bare if p.letter)))
        for figure, bare in wanting
    ]
    outcomes = iter(structurer.split([each for each in asked if each.letters]))
    unnamed = Failure("panel-without-text", "it has no letter that the caption could name")
    return [next(outcomes) if each.letters else unnamed for each in asked]
