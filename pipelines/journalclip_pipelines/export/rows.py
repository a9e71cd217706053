"""One row of an export, and how each kind's dataset becomes rows: a pair as frozen, its bytes, and flat columns.

A row's form (`RowForm`) is the kind's: which columns there are, and what its bytes are called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.studies.data import FrozenStudies, packed
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.licences import NO_LICENCE, spdx
from journalclip_shared.records.dataset import DatasetManifest, Split
from journalclip_shared.records.pair import Pair
from journalclip_shared.withdrawals import Withdrawn

ARTICLE_COLUMNS = ("title", "authors", "journal", "year", "doi", "licence_version", "licence_url", "name")


@dataclass(frozen=True)
class RowForm:
    """Columns in their order. ``payload`` is the column of bytes, ``suffix`` what such a file is called."""

    text_columns: tuple[str, ...]
    number_columns: tuple[str, ...]
    payload: str
    suffix: str
    is_image: bool
    about: str  # one sentence for the data card
    split_by: str


FIGURE_FORM = RowForm(
    (
        "pair_id",
        "article_id",
        "figure_id",
        "panel_id",
        "label",
        "text",
        "modality",
        "licence",
        "spdx",
        *ARTICLE_COLUMNS,
        "split",
        "pair",
    ),
    ("page",),
    "image",
    ".jpg",
    True,
    "Figures and captions of journal articles, as image-text pairs",
    "article",
)
STUDY_FORM = RowForm(
    ("pair_id", "study_id", "patient", "sequence", "text", "licence", "spdx", "split", "pair"),
    (),
    "volume",
    ".npy.gz",
    False,
    "Sequences of de-identified head-MRI studies and what the report says of each, as volume-text pairs",
    "patient",
)


@dataclass(frozen=True)
class ExportRow:
    """``columns`` holds every text and number column of the form; ``payload`` is the picture or volume."""

    pair_id: str
    text: str
    licence: str
    version: str | None  # of the licence, as its article prints it
    columns: Mapping[str, Json]
    payload: bytes

    @property
    def spdx(self) -> str:
        return spdx(self.licence, self.version)

    def flat(self) -> dict[str, Json]:
        """Columns for people and filters; ``pair`` holds the whole record."""
        return dict(self.columns)


class ExportSource(Protocol):
    """A frozen dataset as rows."""

    @property
    def manifest(self) -> DatasetManifest: ...

    @property
    def form(self) -> RowForm: ...

    def rows(self, split: Split, taken: Withdrawn, gone: Counter[str]) -> Iterator[ExportRow]:
        """In the frozen order. What is withdrawn is left out and counted by reason.

        Raises `PermanentError` ``export-source-broken``.
        """
        ...


def source_of(store: ArtifactStore, manifest: ArtifactRef) -> ExportSource:
    """By the kind that the dataset says it is of."""
    frozen = FrozenDataset.open(store, manifest)
    if frozen.manifest.kind == "studies":
        return StudyRows(FrozenStudies(store, frozen.manifest))
    return FigureRows(frozen)


@dataclass(frozen=True)
class FigureRows:
    """`ExportSource` of articles: one row a pair, its JPEG, and what its article says of itself."""

    dataset: FrozenDataset
    form: RowForm = FIGURE_FORM

    @property
    def manifest(self) -> DatasetManifest:
        return self.dataset.manifest

    def rows(self, split: Split, taken: Withdrawn, gone: Counter[str]) -> Iterator[ExportRow]:
        articles = self._articles(split)
        jpegs = self.dataset.jpegs(split)
        for pair in self.dataset.stream(split):
            name, data = next(jpegs, ("nothing", b""))
            if name != pair.pair_id:
                raise _broken(split, pair.pair_id, name)
            article = articles.get(pair.pair_id, dict.fromkeys(ARTICLE_COLUMNS))
            if (word := taken.of_pair(pair, article["journal"])) is not None:
                gone[f"withdrawn-{word.reason}"] += 1
                continue
            version = article["licence_version"]
            columns = _columns(pair, article, split, spdx(pair.licence, version))
            yield ExportRow(pair.pair_id, pair.text, pair.licence, version, columns, data)

    def _articles(self, split: Split) -> dict[str, dict[str, str | None]]:
        found = self.dataset.rows(split, "pair_id", *ARTICLE_COLUMNS)
        return {row["pair_id"]: {name: row.get(name) for name in ARTICLE_COLUMNS} for row in found if "pair_id" in row}


@dataclass(frozen=True)
class StudyRows:
    """`ExportSource` of studies: one row a described sequence, its voxels as a gzipped NumPy array."""

    dataset: FrozenStudies
    form: RowForm = STUDY_FORM

    @property
    def manifest(self) -> DatasetManifest:
        return self.dataset.manifest

    def rows(self, split: Split, taken: Withdrawn, gone: Counter[str]) -> Iterator[ExportRow]:
        volumes = self.dataset.volumes(split)
        for study in self.dataset.studies(split):
            name, voxels = next(volumes, ("nothing", {}))
            if name != study.study_id:
                raise _broken(split, study.study_id, name)
            if (word := taken.of_study(study.study_id, study.patient)) is not None:
                gone[f"withdrawn-{word.reason}"] += len(study.pairs)
                continue
            for pair in study.pairs:
                columns: dict[str, Json] = {
                    "pair_id": pair.pair_id,
                    "study_id": pair.study_id,
                    "patient": pair.patient,
                    "sequence": pair.sequence,
                    "text": pair.text,
                    "licence": NO_LICENCE,
                    "spdx": spdx(NO_LICENCE, None),
                    "split": split,
                    "pair": pair.canonical().decode(),
                }
                yield ExportRow(pair.pair_id, pair.text, NO_LICENCE, None, columns, packed(voxels[pair.sequence]))


def _broken(split: Split, said: str, found: str) -> PermanentError:
    reason = f"split {split}: records say {said}, shards say {found}"
    return PermanentError("export-source-broken", reason, "Run `journalclip audit`.")


def _columns(pair: Pair, article: Mapping[str, str | None], split: Split, identifier: str) -> dict[str, Json]:
    return {
        "pair_id": pair.pair_id,
        "article_id": pair.article_id,
        "figure_id": pair.figure_id,
        "panel_id": pair.panel_id,
        "label": pair.label,
        "text": pair.text,
        "page": pair.page,
        "modality": pair.modality,
        "licence": pair.licence,
        "spdx": identifier,
        **article,
        "split": split,
        "pair": pair.canonical().decode(),
    }
