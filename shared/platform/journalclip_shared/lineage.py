"""Where a thing came from: any id walked back to its source, and forward to dataset, run and alias.

A `Finder` says which documents to read (the catalogue's, where there is one); what is said stands in documents alone.
Every step names the versions that made it; a step that is missing says so instead of being left out. How an id is
walked back to its source differs between kinds (`Trail`); from a pair on, all kinds share the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TypeVar

from pydantic import BaseModel

from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, ArtifactStore, Bucket, is_there
from journalclip_shared.errors import PermanentError
from journalclip_shared.finding import Finder, Stage
from journalclip_shared.ids import Json
from journalclip_shared.records.article import ExtractedArticle, Figure, Panel
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.study import ExtractedStudy, StructuredStudy, StudyPair, SubmittedSeries, SubmittedStudy
from journalclip_shared.records.withdrawal import Scope
from journalclip_shared.withdrawals import collection_key

Model = TypeVar("Model", bound=BaseModel)
Steps = dict[str, Json]


class UnknownId(PermanentError):
    """No manifest knows this id."""

    def __init__(self, wanted: str) -> None:
        super().__init__(
            "unknown-id",
            f"nothing here is called {wanted}",
            "Ids look like pair_..., fig_..., pan_..., art_..., std_..., ser_..., ds_... or mdl_...; "
            "`journalclip search` and `journalclip studies list` print them.",
        )


class Manifests:
    """Reads documents that a finder names. One object answers one question: what it read it reads once."""

    def __init__(self, store: ArtifactStore, finder: Finder) -> None:
        self.store, self._finder = store, finder
        self._read: dict[str, bytes] = {}

    def holding(self, wanted: str, stage: Stage, bucket: Bucket, model: type[Model]) -> Iterator[Model]:
        """Documents of a stage, in one bucket, that may hold ``wanted``; one that was erased is passed over."""
        for ref in self._finder.documents(wanted, stage):
            if ref.bucket != bucket:
                continue
            try:
                yield model.model_validate_json(self._get(ref))
            except ArtifactMissing:
                continue

    def studies(self, wanted: str) -> Iterator[SubmittedStudy]:
        """Submissions that may hold a series, each study's first version before its later ones."""
        for study in self._finder.studies(wanted):
            name = names.submitted(study)
            for each in (name, *self.store.list_manifests("studies", f"{name}/")):
                found = self.one("studies", each, SubmittedStudy)
                if found is not None:
                    yield found

    def _get(self, ref: ArtifactRef) -> bytes:
        if ref.uri not in self._read:
            self._read[ref.uri] = self.store.get(ref)
        return self._read[ref.uri]

    def one(self, bucket: Bucket, name: str, model: type[Model]) -> Model | None:
        found = self.store.find_manifest(bucket, name)
        return None if found is None else model.model_validate_json(self.store.get(found))


class Trail(Protocol):
    """One kind's way from an id back to its source."""

    def find(self, wanted: str) -> Steps | None:
        """The steps of a source, of what was extracted from it, or of a pair; None for an id of another kind."""
        ...

    def member_of(self, wanted: str) -> str:
        """The id by which datasets list a pair."""
        ...


class Lineage:
    """Explains ids from the documents of one store."""

    def __init__(self, store: ArtifactStore, finder: Finder) -> None:
        self._store, self._finder = store, finder

    def explain(self, wanted: str) -> Steps:
        """The walk as nested JSON. Raises `UnknownId`."""
        prefix, manifests = wanted.partition("_")[0], Manifests(self._store, self._finder)
        if prefix == "ds":
            return {"id": wanted, **self._dataset(manifests, wanted)}
        if prefix == "mdl":
            return {"id": wanted, **self._model(manifests, wanted)}
        trails: tuple[Trail, ...] = (ArticleTrail(manifests), StudyTrail(manifests))
        for trail in trails:
            steps = trail.find(wanted)
            if steps is not None:
                datasets = self._datasets_of(trail.member_of(wanted)) if prefix == "pair" else {}
                return {"id": wanted, **steps, **datasets}
        raise UnknownId(wanted)

    def _dataset(self, manifests: Manifests, wanted: str) -> Steps:
        manifest = manifests.one("datasets", names.frozen(wanted), DatasetManifest)
        if manifest is None:
            raise UnknownId(wanted)
        models: list[Json] = [model.model_id for model in self._finder.models([wanted])]
        return {"dataset": {**dumped(manifest), "kind": manifest.kind}, "models": models}

    def _model(self, manifests: Manifests, wanted: str) -> Steps:
        manifest = manifests.one("models", names.trained(wanted), ModelManifest)
        if manifest is None:
            raise UnknownId(wanted)
        dataset = self._dataset(manifests, manifest.dataset_id)["dataset"]
        return {"model": {**dumped(manifest), "kind": manifest.kind}, "dataset": dataset}

    def _datasets_of(self, member: str) -> Steps:
        held = self._finder.datasets(member)
        models = self._finder.models(dataset for dataset, _ in held.datasets)
        rows: list[Json] = []
        for dataset, split in held.datasets:
            trained: list[Json] = [
                {"model_id": model.model_id, "run_id": model.run_id, "recipe": model.recipe}
                for model in models
                if model.dataset_id == dataset
            ]
            rows.append({"dataset_id": dataset, "split": split, "models": trained})
        return {"datasets": rows, "earlier_datasets": held.earlier}


class ArticleTrail:
    """`Trail` of articles: pair, figure or panel, page and box, PDF."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests

    def find(self, wanted: str) -> Steps | None:
        walks = {"pair": self._pair, "fig": self._figure, "pan": self._figure, "art": self._article}
        walk = walks.get(wanted.partition("_")[0])
        return walk(wanted) if walk else None

    def member_of(self, wanted: str) -> str:
        return wanted

    def _pair(self, wanted: str) -> Steps | None:
        for document in self._manifests.holding(wanted, "structuring", "figures", StructuredArticle):
            for pair in document.pairs:
                if pair.pair_id == wanted:
                    figure = self._figure(pair.panel_id or pair.figure_id)
                    return {"pair": dumped(pair), "structurer": document.structurer, "figure": figure}
        return None

    def _figure(self, wanted: str) -> Steps | None:
        for article in self._extracted(wanted):
            for figure in article.figures:
                panel = next((panel for panel in figure.panels if panel.panel_id == wanted), None)
                if figure.figure_id == wanted or panel is not None:
                    return self._figure_steps(article, figure, panel)
        return None

    def _figure_steps(self, article: ExtractedArticle, figure: Figure, panel: Panel | None) -> Steps:
        steps: Steps = {
            "figure_id": figure.figure_id,
            "label": figure.label,
            "page": panel.page if panel else figure.page,
            "box": _dump(panel.box if panel else figure.box),
            "image": _dump(panel.image if panel else figure.image),
            "caption": figure.caption,
            "caption_page": figure.caption_page,
            "quality": _dump(figure.quality),
            "extractor": article.extractor,
            "article": self._article(article.article_id, article),
        }
        return steps if panel is None else {"panel_id": panel.panel_id, "letter": panel.letter, **steps}

    def _article(self, wanted: str, article: ExtractedArticle | None = None) -> Steps | None:
        """An article, which may have been read already, or the delivery of that id with its first article."""
        if article is None:
            mine = (each for each in self._extracted(wanted) if wanted in (each.article_id, each.delivery_id))
            article = next(mine, None)
        source = article.delivery_id or wanted if article else wanted
        found = self._manifests.store.find_manifest("articles", names.submitted(source))
        if found is None:
            return None
        steps: Steps = {"article_id": wanted, "submitted": dumped(found)}
        if article is None:
            return {**steps, "extracted": None}
        return {
            **steps,
            "name": article.name,
            "pdf": _dump(article.pdf),
            "pages": article.pages,
            "first_page": article.first_page,
            "delivery_id": article.delivery_id,
            "sources": list(article.sources),
            "facts": _dump(article.facts),
            "figures": len(article.figures),
        }

    def _extracted(self, wanted: str) -> Iterator[ExtractedArticle]:
        yield from self._manifests.holding(wanted, "extraction", "figures", ExtractedArticle)


class StudyTrail:
    """`Trail` of studies: pair, series, study. A report's text is not repeated here."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests

    def find(self, wanted: str) -> Steps | None:
        walks = {"pair": self._pair, "ser": self._series, "std": self._study}
        walk = walks.get(wanted.partition("_")[0])
        return walk(wanted) if walk else None

    def member_of(self, wanted: str) -> str:
        """A dataset lists whole studies."""
        found = self._of_pair(wanted)
        return found[0].study_id if found else wanted

    def _of_pair(self, wanted: str) -> tuple[StructuredStudy, StudyPair] | None:
        for document in self._manifests.holding(wanted, "structuring", "studies", StructuredStudy):
            for pair in document.pairs:
                if pair.pair_id == wanted:
                    return document, pair
        return None

    def _pair(self, wanted: str) -> Steps | None:
        found = self._of_pair(wanted)
        if found is None:
            return None
        document, pair = found
        series = next(each.series_id for each in document.volumes if each.sequence == pair.sequence)
        return {"pair": dumped(pair), "structurer": document.structurer, "series": self._series(series)}

    def _series(self, wanted: str) -> Steps | None:
        for study in self._manifests.studies(wanted):
            for series in study.series:
                if series.series_id == wanted:
                    return self._series_steps(study, series)
        return None

    def _series_steps(self, study: SubmittedStudy, series: SubmittedSeries) -> Steps:
        extracted = (
            (each, document.extractor)
            for document in self._manifests.holding(series.series_id, "extraction", "studies", ExtractedStudy)
            for each in document.volumes
            if each.series_id == series.series_id
        )
        volume, extractor = next(extracted, (None, None))
        return {
            "series_id": series.series_id,
            "sequence": series.sequence,
            "recognised_by": series.by,
            "confidence": series.confidence,
            "as_submitted": dumped(series.volume),
            "on_grid": _dump(volume.volume) if volume else None,
            "extractor": extractor,
            "study": self._study(study.study_id),
        }

    def _study(self, wanted: str) -> Steps | None:
        study = self._manifests.one("studies", names.submitted(wanted), SubmittedStudy)
        if study is None:
            return None
        return {
            "study_id": wanted,
            "patient": study.patient,
            "date": study.date,
            "sequences": [each.sequence for each in study.series],
            "report_source": study.report_source,
            "report_text": self._report_text(study),
            "deid": dumped(study.deid),
            "reader": study.reader,
        }

    def _report_text(self, study: SubmittedStudy) -> str:
        """Where the text is, and so whether the report can be structured anew."""
        sealed = study.sealed
        if sealed is None:
            return "none" if study.report_source == "none" else "in the study's document"
        places = (("sealed until its record is stored", sealed.text), ("kept in the vault", sealed.vault))
        found = [words for words, ref in places if ref is not None and is_there(self._manifests.store, ref)]
        return "; ".join(found) or "deleted with its record; structuring anew needs a new submit"


_SCOPES: dict[str, Scope] = {
    "article_id": "article",
    "figure_id": "figure",
    "pair_id": "pair",
    "study_id": "study",
    "patient": "patient",
}


def subjects_of(value: Json, name: str = "") -> Iterator[tuple[Scope, str]]:
    """Everything that a walk leads over and that can be withdrawn."""
    if isinstance(value, str) and name in _SCOPES:
        yield _SCOPES[name], value
    elif isinstance(value, Mapping):
        if name == "journal" and isinstance(journal := value.get("value"), str):
            yield "collection", collection_key(journal)
        for key, inner in value.items():
            yield from subjects_of(inner, key)


def dumped(value: BaseModel) -> dict[str, Json]:
    found: dict[str, Json] = value.model_dump(mode="json")
    return found


def _dump(value: BaseModel | None) -> Json:
    return None if value is None else dumped(value)
