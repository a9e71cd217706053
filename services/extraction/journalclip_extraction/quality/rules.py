"""Usefulness and modality by measured rules: what judges until a classifier has been trained.

A figure with continuous tone (few flat neighbours, many small differences, much entropy) is a scan, a micrograph or a
photograph; one without is drawn. Which scan, and which drawing, the caption says. The thresholds are those that part
the hand-labelled figures best: docs/benchmarks/quality.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from journalclip_extraction.quality.features import Vector, as_dict
from journalclip_extraction.quality.words import DRAWN, SCANS, is_idle, named
from journalclip_shared.records.article import Modality, Quality

BY = "rules-1"

_LEAST_SIDE = 48  # pixels: a quarter of CLIP's input; below it are logos, bullets and rules
_MOST_ASPECT = 15.0  # a strip: a rule or a banner
_BLANK = 0.02  # of 128 grey levels of deviation
_ALL_TEXT = 0.55  # share of blocks that hold print: a table or a page of text

_ROUGH, _FLAT, _ENTROPY = 0.17, 0.66, 0.45


@dataclass(frozen=True)
class Ruling:
    """What the rules say."""

    quality: Quality
    modality: Modality
    absolute: bool = False  # there is no content, whatever a model may think


def rule(size: tuple[int, int], measured: Vector, caption: str) -> Ruling:
    features, spoken = as_dict(measured), named(caption)
    modality = _modality(features, spoken)
    if refusal := _empty(size, features):
        return Ruling(Quality(usefulness="discard", score=1.0, by=BY, reason=refusal), "unknown", absolute=True)
    if refusal := _idle(features, caption):
        return Ruling(Quality(usefulness="discard", score=0.9, by=BY, reason=refusal), modality)
    if modality in SCANS or (modality == "photograph" and "photograph" in spoken):
        return Ruling(Quality(usefulness="imaging", score=_surety(features), by=BY), modality)
    return Ruling(Quality(usefulness="other", score=1 - _surety(features) / 2, by=BY), modality)


def tone(features: dict[str, float]) -> int:
    """Signs of continuous tone, 0 to 3; from two on a figure counts as such, with three beyond doubt."""
    return (features["rough"] > _ROUGH) + (features["flat"] < _FLAT) + (features["entropy"] > _ENTROPY)


def _empty(size: tuple[int, int], features: dict[str, float]) -> str:
    wide, high = size
    if min(wide, high) < _LEAST_SIDE:
        return f"only {wide} x {high} pixels"
    if max(wide, high) > _MOST_ASPECT * min(wide, high):
        return "a strip, not a picture"
    if features["deviation"] < _BLANK:
        return "blank"
    return ""


def _idle(features: dict[str, float], caption: str) -> str:
    if features["text"] > _ALL_TEXT and tone(features) < 2:
        return f"{features['text']:.0%} of it is print"
    if is_idle(caption) and tone(features) < 3:
        return "a flow of participants or a table of risk, by its caption"
    return ""


def _modality(features: dict[str, float], spoken: list[Modality]) -> Modality:
    drawn = [modality for modality in spoken if modality in DRAWN]
    doubtful = tone(features) == 2 and spoken[:1] == drawn[:1] != []
    if tone(features) < 2 or doubtful:
        return drawn[0] if drawn else "chart"
    seen = [modality for modality in spoken if modality not in DRAWN]
    if seen:
        return seen[0]
    if drawn:
        return drawn[0]
    return "photograph" if features["coloured"] > _COLOURED else "unknown"


_COLOURED = 0.1  # share of coloured pixels: scans without words and without colour could be any


def _surety(features: dict[str, float]) -> float:
    """How far on its side of the thresholds: 0.5 at them, 0.95 far off."""
    away = (features["rough"] - _ROUGH) + (_FLAT - features["flat"]) + (features["entropy"] - _ENTROPY)
    return round(min(0.95, max(0.5, 0.5 + away)), 3)
