"""A suite's items: pictures that are opened when they are needed, their labels, and who they are of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from journalclip_evaluation.counting import Ints
from journalclip_evaluation.errors import SuiteUnusable
from journalclip_evaluation.shapes import SHAPES, draw_shape
from journalclip_evaluation.suites import ClassSpec, Suite

Open = Callable[[], Image.Image]
_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
_SYNTHETIC = {"train": 20, "test": 10}  # pictures a class: a probe learns from them in a second


@dataclass(frozen=True)
class Labelled:
    """N pictures; ``labels`` are places in ``classes``, ``groups`` name patients (or single pictures)."""

    pictures: Sequence[Open]
    labels: Ints
    groups: Sequence[str]
    classes: tuple[ClassSpec, ...]


@dataclass(frozen=True)
class Captioned:
    """N pictures with texts."""

    pictures: Sequence[Open]
    texts: Sequence[str]
    groups: Sequence[str]


def read_labelled(suite: Suite, root: Path, split: str) -> Labelled | None:
    """None where the suite has no such split. Raises `SuiteUnusable` where the data does not fit the definition."""
    if suite.layout == "synthetic":
        return _synthetic(suite, split)
    if suite.layout == "huggingface":
        return _huggingface(suite, root / suite.data, split)
    return _folder(suite, root / suite.data / split)


def read_captioned(suite: Suite, root: Path, split: str) -> Captioned:
    """Raises `SuiteUnusable`."""
    path = root / suite.data / f"{split}.jsonl"
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        pictures = [partial(_open, path.parent / row["image"]) for row in rows]
        texts = [str(row["text"]) for row in rows]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise SuiteUnusable(suite.name, f"{path}: {error}") from error
    return Captioned(pictures, texts, [str(row.get("group", number)) for number, row in enumerate(rows)])


def _folder(suite: Suite, folder: Path) -> Labelled | None:
    if not folder.is_dir():
        return None
    classes = suite.classes or tuple(ClassSpec(name=path.name) for path in sorted(folder.iterdir()) if path.is_dir())
    pictures: list[Open] = []
    labels, groups = [], []
    for label, each in enumerate(classes):
        found = sorted((folder / (each.folder or each.name)).glob("*"))
        paths = [path for path in found if path.suffix.lower() in _PICTURES]
        if not paths:
            raise SuiteUnusable(suite.name, f"no pictures in {folder / (each.folder or each.name)}")
        pictures += [partial(_open, path) for path in paths]
        labels += [label] * len(paths)
        groups += [_group(suite, path) for path in paths]
    return Labelled(pictures, np.asarray(labels, np.int64), groups, classes)


def _group(suite: Suite, path: Path) -> str:
    found = re.search(suite.group, path.name) if suite.group else None
    return found.group(1) if found else f"{path.parent.name}/{path.name}"


def _huggingface(suite: Suite, folder: Path, split: str) -> Labelled | None:
    import datasets  # slow to import, and only this layout needs it

    try:
        found = datasets.load_from_disk(str(folder))
        if split not in found:
            return None
        rows = found[split]
        names = rows.features[suite.label_column].names
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SuiteUnusable(suite.name, f"{folder}: {error}") from error
    classes = suite.classes or tuple(ClassSpec(name=name) for name in names)
    pictures = [partial(_row_picture, rows, number, suite.image_column) for number in range(len(rows))]
    labels = np.asarray(rows[suite.label_column], np.int64)
    return Labelled(pictures, labels, [str(number) for number in range(len(rows))], classes)


def _synthetic(suite: Suite, split: str) -> Labelled:
    count = _SYNTHETIC[split]
    seeds = [
        (label, 1000 * label + (500 if split == "test" else 0) + n)
        for label in range(len(SHAPES))
        for n in range(count)
    ]
    return Labelled(
        [partial(draw_shape, SHAPES[label], seed) for label, seed in seeds],
        np.asarray([label for label, _ in seeds], np.int64),
        [str(seed) for _, seed in seeds],
        suite.classes,
    )


def _row_picture(rows: object, number: int, column: str) -> Image.Image:
    picture: Image.Image = rows[number][column]  # type: ignore[index] # datasets is untyped
    return picture.convert("RGB")


def _open(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")
