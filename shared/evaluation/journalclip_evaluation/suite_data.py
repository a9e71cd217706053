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
from journalclip_evaluation.hub_data import Rows, open_split
from journalclip_evaluation.shapes import SHAPES, draw_shape
from journalclip_evaluation.suites import ClassSpec, Suite
from journalclip_modeling.foreign_pictures import PictureUnreadable, read_picture

Open = Callable[[], Image.Image]
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})  # in any case
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
    """N pictures with texts; ``numbers`` are equal where rows have one picture."""

    pictures: Sequence[Open]
    texts: Sequence[str]
    groups: Sequence[str]
    numbers: Sequence[int]


def read_labelled(suite: Suite, root: Path, split: str) -> Labelled | None:
    """None where the suite has no such split. Raises `SuiteUnusable` where the data does not fit the definition."""
    if suite.layout == "synthetic":
        return _synthetic(suite, split)
    if suite.layout == "huggingface":
        rows = open_split(suite.name, root / suite.data, split)
        return None if rows is None else _hub_labelled(suite, rows)
    return _folder(suite, root, split)


def read_captioned(suite: Suite, root: Path, split: str) -> Captioned:
    """Raises `SuiteUnusable`, also where there is no such split."""
    if suite.layout == "huggingface":
        rows = open_split(suite.name, root / suite.data, split)
        if rows is None:
            raise SuiteUnusable(suite.name, f"{root / suite.data} has no split {split}")
        captions = [_several(text) for text in rows.column(suite.text_column)]
        return _captioned(_hub_pictures(suite, rows), captions, _hub_groups(suite, rows))
    path = root / suite.data / f"{split}.jsonl"
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        pictures = [partial(_open, suite.name, path.parent / line["image"]) for line in lines]
        captions = [_several(line["text"]) for line in lines]
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise SuiteUnusable(suite.name, f"{path}: {error}") from error
    return _captioned(pictures, captions, [str(line.get("group", number)) for number, line in enumerate(lines)])


def _several(text: object) -> list[str]:
    """One caption, or several of one picture."""
    return [str(each) for each in text] if isinstance(text, list | tuple) else [str(text)]


def _captioned(pictures: Sequence[Open], captions: Sequence[Sequence[str]], groups: Sequence[str]) -> Captioned:
    """One row a caption: a picture with several stands in as many, and each is a right answer of it."""
    rows = [(number, text) for number, of in enumerate(captions) for text in of]
    return Captioned(
        [pictures[number] for number, _ in rows], [text for _, text in rows], [groups[number] for number, _ in rows],
        [number for number, _ in rows],
    )  # fmt: skip


def has_data(suite: Suite, root: Path) -> bool:
    """Whether the test split lies where the definition says; nothing is opened."""
    folder = root / suite.data
    if suite.layout == "synthetic":
        return True
    if suite.layout == "jsonl":
        return (folder / f"{suite.test_split}.jsonl").is_file()
    return (folder / suite.test_split).is_dir() if suite.layout == "folder" else folder.is_dir()


def _class_folders(suite: Suite, root: Path) -> tuple[ClassSpec, ...]:
    """Every split's class folders by name, so that a label means one class in all of them."""
    splits = [root / suite.data / split for split in (suite.train_split, suite.test_split)]
    names = {
        path.name
        for split in splits
        if split.is_dir()
        for path in split.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    }
    return tuple(ClassSpec(name=name) for name in sorted(names))


def _elsewhere(suite: Suite, root: Path, split: str, each: ClassSpec) -> bool:
    """Whether the other split has pictures of a class; this one may then have none."""
    other = suite.test_split if split == suite.train_split else suite.train_split
    return bool(pictures_in(root / suite.data / other / (each.folder or each.name)))


def _folder(suite: Suite, root: Path, split: str) -> Labelled | None:
    folder = root / suite.data / split
    if not folder.is_dir():
        return None
    classes = suite.classes or _class_folders(suite, root)
    if not classes:
        raise SuiteUnusable(suite.name, f"no class folder in {folder}")
    pictures: list[Open] = []
    labels, groups = [], []
    for label, each in enumerate(classes):
        paths = pictures_in(folder / (each.folder or each.name))
        if not paths and not _elsewhere(suite, root, split, each):
            raise SuiteUnusable(suite.name, f"no pictures in {folder / (each.folder or each.name)}")
        pictures += [partial(_open, suite.name, path) for path in paths]
        labels += [label] * len(paths)
        groups += [_group(suite, path) for path in paths]
    return Labelled(pictures, np.asarray(labels, np.int64), groups, classes)


def pictures_in(folder: Path) -> list[Path]:
    """A class folder's pictures by name, with any known suffix in any case; hidden files (``._x.jpg``) are none."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if path.suffix.lower() in PICTURES and not path.name.startswith(".")]


def _group(suite: Suite, path: Path) -> str:
    found = re.search(suite.group, path.name) if suite.group else None
    return found.group(1) if found else f"{path.parent.name}/{path.name}"


def _hub_labelled(suite: Suite, rows: Rows) -> Labelled:
    """Labels are class numbers; their names come from the definition, else from the dataset's own `ClassLabel`."""
    classes = suite.classes or tuple(ClassSpec(name=name) for name in rows.class_names(suite.label_column))
    labels = np.asarray(rows.column(suite.label_column))
    if not np.issubdtype(labels.dtype, np.integer) or labels.min(initial=0) < 0 or labels.max() >= len(classes):
        raise SuiteUnusable(suite.name, f"{suite.label_column} does not number {len(classes)} classes")
    return Labelled(_hub_pictures(suite, rows), labels.astype(np.int64), _hub_groups(suite, rows), classes)


def _hub_pictures(suite: Suite, rows: Rows) -> list[Open]:
    return [partial(rows.picture, number, suite.image_column) for number in range(len(rows))]


def _hub_groups(suite: Suite, rows: Rows) -> list[str]:
    if not suite.group_column:
        return [str(number) for number in range(len(rows))]
    return [str(value) for value in rows.column(suite.group_column)]


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


def _open(suite: str, path: Path) -> Image.Image:
    """Raises `SuiteUnusable` that names a damaged file."""
    try:
        return read_picture(path)
    except PictureUnreadable as error:
        raise SuiteUnusable(suite, f"{path} is no readable picture: {error}") from error
