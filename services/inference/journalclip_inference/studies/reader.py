"""Searching an archive of studies by words, by an example, and by what their records say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from journalclip_inference.errors import NotFound
from journalclip_inference.search.asking import MAX_K, Asked, Searching, Told, Wording, planner_of, search
from journalclip_inference.search.planner import Planner
from journalclip_inference.search.ranker import Exact, Ranked
from journalclip_inference.search.reasons import Reason
from journalclip_inference.studies.index import StudyCollection
from journalclip_inference.studies.said import StudyFilters
from journalclip_shared.records import Document
from journalclip_shared.records.report import SequenceName
from journalclip_shared.withdrawals import Withdrawn

_WORDING = Wording(
    nothing_says="No report says this; these look alike.",
    no_words="No report says this.",
    not_known="No study of this archive has that id.",
    no_phrase="No report has these words one after the other; they were searched for apart.",
)


class StudyHit(Document):
    """A study of the archive that answers a query. Ids are pseudonyms; nothing personal is shown."""

    rank: int = Field(ge=1)
    score: float = Field(description="What hits are ordered by: see `mode` of the answer.")
    share: float | None = Field(None, description="How much of the query's words the study says, 0 to 1.")
    similarity: float | None = Field(None, description="Cosine of the query with the study, -1 to 1.")
    exact: Exact | None = None
    reasons: tuple[Reason, ...] = Field((), description="The query's terms that the study has; spans are of `text`.")
    study_id: str
    patient: str
    text: str = Field("", description="What the record says, one sentence a finding and one a sequence.")
    descriptions: dict[SequenceName, str]
    sequences: tuple[SequenceName, ...]
    sequence_scores: dict[SequenceName, float] = Field(
        default_factory=dict, description="Cosine of the query with each sequence."
    )


class StudiesAnswer(Told):
    """Studies in falling order of score."""

    model_id: str
    version: str
    studies: int = Field(description="Studies in the archive.")
    facets: dict[str, dict[str, int]]
    cut: bool = Field(False, description="The model read only the beginning of the text; words count in full.")
    hits: tuple[StudyHit, ...]


@dataclass(frozen=True)
class StudyReader:
    """One study model's collection."""

    collection: StudyCollection
    version: str

    def hiding(self, taken: Withdrawn) -> StudyReader:
        """Without what is withdrawn now."""
        made = StudyReader(self.collection.hiding(taken), self.version)
        made.__dict__["planner"] = self.planner  # the words' own vocabulary stays what it is
        return made

    def refuse(self, study_id: str, taken: Withdrawn) -> None:
        """Raises `SourceWithdrawn` where a study is."""
        self.collection.row(study_id, taken)

    @cached_property
    def planner(self) -> Planner:
        return planner_of([part.words for part in self.collection.parts])

    def search(self, asked: Asked) -> StudiesAnswer:
        """By words, and by a vector [dim], that of the text. Raises `QueryInvalid`."""
        found = search(self.collection, self.planner, asked, _WORDING)
        return StudiesAnswer(
            model_id=self.collection.model_id,
            version=self.version,
            studies=len(self.collection.rows),
            facets=self.collection.counts(asked.filters),
            hits=tuple(self._hit(n, row, found, asked.vector) for n, row in enumerate(found.rows, start=1)),
            **dict(found.told),
        )

    def similar(self, study_id: str, k: int, filters: StudyFilters) -> StudiesAnswer:
        """The studies whose volumes are nearest to a study's own, itself left out. Raises `NotFound`."""
        position = self.collection.position(study_id)
        if position is None:
            raise NotFound("study", study_id)
        vector = self.collection.at(position)[1]
        found = self.search(Asked(None, vector, min(k + 1, MAX_K), filters, "looks"))
        others = [hit for hit in found.hits if hit.study_id != study_id][:k]
        hits = tuple(hit.model_copy(update={"rank": n}) for n, hit in enumerate(others, start=1))
        return found.model_copy(update={"hits": hits})

    def _hit(self, rank: int, ranked: Ranked, found: Searching, vector: NDArray[np.float32] | None) -> StudyHit:
        row, _, sequences = self.collection.at(ranked.position)
        text = " ".join(row.said)
        words = found.told.mode != "looks"
        cosines = sequences @ vector if vector is not None else ()
        scores = {name: float(each) for name, each in zip(row.embedded, cosines, strict=False)}
        return StudyHit(
            rank=rank,
            score=ranked.score,
            share=ranked.share if words else None,
            similarity=ranked.similarity,
            exact=ranked.exact,
            reasons=found.reasons(ranked, text),
            study_id=row.study_id,
            patient=row.patient,
            text=text,
            descriptions=row.descriptions,
            sequences=tuple(row.volumes),
            sequence_scores=scores,
        )
