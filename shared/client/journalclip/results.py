"""What a search found, as hits or as a data frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journalclip.answers import Hit, SearchAnswer
from journalclip.errors import ExtraMissing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "rank", "score", "pair_id", "figure_id", "label", "caption", "modality", "title", "journal", "year", "doi", "page",
    "licence", "name",
)  # fmt: skip


@dataclass(frozen=True)
class Results:
    """An answer to a search; best hit first."""

    answer: SearchAnswer

    def __len__(self) -> int:
        return len(self.answer.hits)

    def __getitem__(self, position: int) -> Hit:
        return self.answer.hits[position]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.answer.hits)

    def frame(self) -> pd.DataFrame:
        """One row a hit, best first. Raises `ExtraMissing` without pandas."""
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ExtraMissing("pandas", "frames") from error
        rows = [hit.model_dump(include=set(COLUMNS)) for hit in self.answer.hits]
        return pd.DataFrame(rows, columns=list(COLUMNS))
