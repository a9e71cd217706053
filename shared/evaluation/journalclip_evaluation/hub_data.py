"""One split of a Hugging Face dataset on disk: saved with ``save_to_disk``, or a repository's Parquet files.

Never from the network: a suite's data is what its owner placed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from journalclip_evaluation.errors import SuiteUnusable
from journalclip_modeling.foreign_pictures import DAMAGED, plain

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Rows:
    """A split's rows; every failure to read one names the suite."""

    suite: str
    dataset: Dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def column(self, name: str) -> Sequence[object]:
        """Raises `SuiteUnusable` where there is no such column."""
        self._check(name)
        values: Sequence[object] = list(self.dataset[name])
        return values

    def class_names(self, name: str) -> list[str]:
        """Raises `SuiteUnusable` where the column does not name its classes."""
        self._check(name)
        names = getattr(self.dataset.features[name], "names", None)
        if not names:
            raise SuiteUnusable(self.suite, f"column {name} names no classes; list them in the definition")
        return [str(each) for each in names]

    def picture(self, number: int, name: str) -> Image.Image:
        self._check(name)
        found = self.dataset[number][name]
        if not isinstance(found, Image.Image):
            raise SuiteUnusable(self.suite, f"column {name} holds no pictures")
        try:
            return plain(found)
        except DAMAGED as error:
            raise SuiteUnusable(self.suite, f"row {number}: {name} is no readable picture: {error}") from error

    def _check(self, name: str) -> None:
        if name not in self.dataset.column_names:
            there = ", ".join(self.dataset.column_names)
            raise SuiteUnusable(self.suite, f"there is no column {name}; there are {there}")


def open_split(suite: str, folder: Path, split: str) -> Rows | None:
    """None where the dataset has no such split. Raises `SuiteUnusable` where there is no dataset."""
    import datasets  # slow to import, and only this layout needs it

    files = sorted(map(str, [*folder.rglob(f"{split}-*.parquet"), *folder.rglob(f"{split}.parquet")]))
    try:
        if files:
            return Rows(suite, datasets.Dataset.from_parquet(files))
        if any(folder.rglob("*.parquet")):
            return None
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise SuiteUnusable(suite, f"{folder}: {error}") from error
    if isinstance(found, datasets.Dataset):  # saved as one split: that is the test
        return Rows(suite, found) if split == "test" else None
    return Rows(suite, found[split]) if split in found else None
