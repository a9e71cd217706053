"""A small invented collection with a champion, for tests, screenshots and benches: no PDF reader, no training.

Articles have one whole figure and one compound figure of two panels; captions name what the pictures show. The models
are untrained and differ by seed, so that an answer tells which of them gave it.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pymupdf
from PIL import Image, ImageDraw

from journalclip_inference.handler import FigureIndexer, IndexHandler
from journalclip_modeling.folder import save_folder, upload_folder
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ArticleSubmitted, Event, ModelPromoted
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.records.article import (
    ArticleFacts,
    Box,
    ExtractedArticle,
    Figure,
    Licence,
    Modality,
    Panel,
    Quality,
    Sourced,
)
from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.registry import ModelRegistry, ModelVersion
from journalclip_shared.testing.memory import MemoryRegistry

_MODALITIES: tuple[Modality, ...] = ("CT", "MRI", "angiography", "histology")
_SITES = ("frontal lobe", "cerebellum", "lumbar spine", "sella")
_FINDINGS = ("subdural haematoma", "glioma", "aneurysm", "infarct", "abscess")
_LICENCES: tuple[Licence, ...] = ("CC BY", "CC BY-NC", "all rights reserved")
_SIDE = 96  # pixels of a picture
_FIGURE = Box(x0=60, y0=80, x1=360, y1=230)
_SPLITS: tuple[Split, ...] = ("train", "val", "test")
TINY = ScratchConfig(image_size=32, patch_size=8, width=32, layers=1, heads=2, dim=32, vocabulary=300, context=48)


@dataclass
class World:
    """A store with articles, a frozen dataset and as many models as were asked for."""

    store: ArtifactStore
    registry: ModelRegistry
    articles: list[StructuredArticle] = field(default_factory=list)
    dataset: ArtifactRef | None = None

    @property
    def pairs(self) -> list[Pair]:
        return [pair for article in self.articles for pair in article.pairs]

    def add_article(self, number: int) -> StructuredArticle:
        """Extraction and structuring's documents of one invented article."""
        rng = np.random.default_rng(number)
        pdf_ref = self.store.put("articles", _pdf(number), "application/pdf")
        article_id = make_id("art", pdf_ref.sha256)
        submitted = ArticleSubmitted(article_id=article_id, pdf=pdf_ref, name=f"article-{number}.pdf")
        self.store.put_manifest(
            "articles", f"submitted/{article_id}", canonical_json(submitted.model_dump(mode="json"))
        )
        facts = _facts(number)
        figures = tuple(_figure(self.store, article_id, kind, rng) for kind in ("whole", "panels"))
        extracted = ExtractedArticle(
            article_id=article_id,
            extractor="test-1",
            pdf=pdf_ref,
            name=f"article-{number}.pdf",
            pages=4,
            facts=facts,
            figures=figures,
        )
        source = self.store.put_manifest("figures", f"extracted/test-1/{article_id}", extracted.canonical())
        article = StructuredArticle(
            article_id=article_id,
            structurer="test-1",
            extractor="test-1",
            source=source,
            name=extracted.name,
            pdf=pdf_ref,
            facts=facts,
            pairs=tuple(_pairs(article_id, figures, facts.licence)),
        )
        self.store.put_manifest("figures", f"structured/test-1/test-1/{article_id}", article.canonical())
        self.articles.append(article)
        return article

    def sources(self) -> dict[str, tuple[ArtifactRef, ...]]:
        """All structured articles, as the log would name them."""
        refs = {
            each.article_id: self.store.find_manifest("figures", f"structured/test-1/test-1/{each.article_id}")
            for each in self.articles
        }
        return {article_id: (ref,) for article_id, ref in refs.items() if ref is not None}

    def champion(self) -> ModelVersion | None:
        return self.registry.by_alias("champion")

    def freeze(self) -> ArtifactRef:
        """All articles so far as a dataset."""
        by_split: dict[Split, list[Pair]] = {split: [] for split in _SPLITS}
        for number, article in enumerate(self.articles):
            by_split[_SPLITS[number % len(_SPLITS)]].extend(article.pairs)
        digest = sha256_hex("".join(pair.pair_id for pair in self.pairs).encode())
        journals = {each.article_id: each.facts.journal.value for each in self.articles}
        manifest = DatasetManifest(
            dataset_id=make_id("ds", digest),
            digest=digest,
            leaks=LeakReport(),
            image_size=_SIDE,
            splits={split: _part(self.store, pairs, journals) for split, pairs in by_split.items()},
            kind="articles",
        )
        self.dataset = self.store.put_manifest("datasets", f"frozen/{manifest.dataset_id}", manifest.canonical())
        return self.dataset

    def add_model(self, seed: int, config: ScratchConfig = TINY) -> ModelVersion:
        """An untrained model of the dataset, registered; its index is not built."""
        dataset = self.dataset or self.freeze()
        dataset_id = DatasetManifest.model_validate_json(self.store.get(dataset)).dataset_id
        with tempfile.TemporaryDirectory() as folder:
            save_folder(scratch_clip([pair.text for pair in self.pairs], config, seed), Path(folder))
            files = upload_folder(self.store, Path(folder))
        manifest = ModelManifest(
            model_id=make_id("mdl", dataset_id, str(seed)),
            dataset_id=dataset_id,
            dataset=dataset,
            recipe="untrained",
            config="{}",
            base=f"scratch:{seed}",
            files=files,
            kind="articles",
        )
        ref = self.store.put_manifest("models", f"trained/{manifest.model_id}", manifest.canonical())
        return self.registry.register(manifest.model_id, ref, "", {})

    def promote(self, version: ModelVersion, cache: Path) -> ModelPromoted:
        """Build the index as the handler does, and point the alias at the version."""
        model = ModelManifest.model_validate_json(self.store.get(version.manifest))
        fact = ModelPromoted(
            model_id=model.model_id,
            dataset_id=model.dataset_id,
            manifest=version.manifest,
            version=version.version,
            kind="articles",
        )
        IndexHandler(self.store, FigureIndexer(self.store, cache), self.sources).handle(Event(fact, "test"))
        self.registry.set_alias("champion", version.version)
        return fact


def small_world(store: ArtifactStore, articles: int = 9) -> World:
    """A frozen dataset of ``articles`` articles, three pairs each; no model yet."""
    world = World(store, MemoryRegistry())
    for number in range(articles):
        world.add_article(number)
    world.freeze()
    return world


def draw(modality: Modality, finding: int, rng: np.random.Generator) -> Image.Image:
    """A picture that depends on modality and finding."""
    image = Image.fromarray(rng.integers(0, 40, (_SIDE, _SIDE, 3), np.uint8))
    pen = ImageDraw.Draw(image)
    tint = {"CT": "#d0d0d0", "MRI": "#8090b0", "angiography": "#303030", "histology": "#c060a0"}[modality]
    pen.ellipse([8, 4, _SIDE - 8, _SIDE - 4], fill=tint, outline="white", width=3)
    x, y = (int(value) for value in rng.integers(25, 60, 2))
    size = 6 + 3 * finding
    (pen.ellipse if finding % 2 else pen.rectangle)([x, y, x + size, y + size], fill=f"hsl({finding * 70}, 80%, 60%)")
    return image


def _pdf(number: int) -> bytes:
    """Two pages; the second has a frame where every figure of this world lies."""
    with pymupdf.open() as document:
        document.new_page().insert_text((60, 80), f"On the invented case number {number}")
        page = document.new_page()
        page.draw_rect(pymupdf.Rect(_FIGURE.x0, _FIGURE.y0, _FIGURE.x1, _FIGURE.y1), fill=(0.8, 0.85, 0.9))
        page.insert_text((60, 250), f"Figure 2. Of article {number}.")
        return bytes(document.tobytes(no_new_id=True))


def _facts(number: int) -> ArticleFacts:
    where = "page 1, header"
    return ArticleFacts(
        title=Sourced(value=f"On the invented case number {number}", where=where),
        doi=Sourced(value=f"10.9999/invented.{number}", where=where),
        journal=Sourced(value=("Annals of Invented Surgery", "Journal of Made-up Cases")[number % 2], where=where),
        year=Sourced(value=str(2019 + number % 5), where=where),
        licence=_LICENCES[number % 3],
    )


def _figure(store: ArtifactStore, article_id: str, kind: str, rng: np.random.Generator) -> Figure:
    number = "1" if kind == "whole" else "2"
    figure_id = make_id("fig", article_id, number)
    modality = _MODALITIES[int(rng.integers(len(_MODALITIES)))]
    findings = [int(value) for value in rng.integers(len(_FINDINGS), size=2)]
    pictures = [draw(modality, finding, rng) for finding in findings[: 1 if kind == "whole" else 2]]
    strip = Image.new("RGB", (_SIDE * len(pictures), _SIDE))
    for position, picture in enumerate(pictures):
        strip.paste(picture, (_SIDE * position, 0))
    panels = _panels(store, figure_id, pictures, modality, findings) if len(pictures) > 1 else ()
    caption = " ".join(_sentence(modality, finding) for finding in findings[: len(pictures)])
    return Figure(
        figure_id=figure_id,
        number=number,
        label=f"Figure {number}.",
        caption=caption,
        caption_page=2,
        page=2,
        box=_FIGURE,
        image=_png(store, strip),
        pixels=strip.size,
        tier="panels" if panels else "whole",
        panels=panels,
        quality=Quality(usefulness="imaging", score=float(rng.uniform(0.3, 1)), by="test"),
        modality=modality,
    )


def _panels(
    store: ArtifactStore, figure_id: str, pictures: Sequence[Image.Image], modality: Modality, findings: Sequence[int]
) -> tuple[Panel, ...]:
    width = (_FIGURE.x1 - _FIGURE.x0) / len(pictures)
    return tuple(
        Panel(
            panel_id=make_id("pan", figure_id, letter),
            letter=letter,
            page=2,
            image=_png(store, picture),
            box=_FIGURE.model_copy(update={"x0": _FIGURE.x0 + n * width, "x1": _FIGURE.x0 + (n + 1) * width}),
            subcaption=_sentence(modality, finding),
        )
        for n, (letter, picture, finding) in enumerate(zip("AB", pictures, findings, strict=False))
    )


def _pairs(article_id: str, figures: Sequence[Figure], licence: Licence) -> list[Pair]:
    found = []
    for figure in figures:
        for part in figure.panels or (None,):
            image, text = (part.image, part.subcaption) if part else (figure.image, figure.caption)
            assert image is not None
            assert text is not None
            panel_id = part.panel_id if part else None
            found.append(
                Pair(
                    pair_id=make_id("pair", figure.figure_id, panel_id or "", "test-1"),
                    article_id=article_id,
                    figure_id=figure.figure_id,
                    panel_id=panel_id,
                    letter=part.letter if part else None,
                    label=figure.label,
                    image=image,
                    text=text,
                    record=_record(text),
                    page=2,
                    box=part.box if part else figure.box,
                    modality=figure.modality,
                    tier=figure.tier,
                    quality=figure.quality,
                    licence=licence,
                )
            )
    return found


def _sentence(modality: Modality, finding: int) -> str:
    return f"Axial {modality} of the {_SITES[finding % len(_SITES)]} showing {_FINDINGS[finding]}."


def _record(text: str) -> CaptionRecord:
    def coded(terms: Sequence[str]) -> tuple[Coded, ...]:
        return tuple(Coded(term=t, text=t, span=(text.index(t), text.index(t) + len(t))) for t in terms if t in text)

    return CaptionRecord(
        modality=coded(_MODALITIES),
        anatomy=coded(_SITES),
        findings=tuple(Finding(**each.model_dump()) for each in coded(_FINDINGS)),
        rendering=text,
    )


def _png(store: ArtifactStore, image: Image.Image) -> ArtifactRef:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return store.put("figures", buffer.getvalue(), "image/png")


def _part(store: ArtifactStore, pairs: Sequence[Pair], journals: Mapping[str, str | None]) -> SplitPart:
    ordered = sorted(pairs, key=lambda pair: pair.pair_id)
    table, shard = io.BytesIO(), io.BytesIO()
    rows = {
        "article_id": [e.article_id for e in ordered],
        "journal": [journals[e.article_id] for e in ordered],
        "pair": [e.canonical().decode() for e in ordered],
    }
    pq.write_table(pa.table(rows), table)
    with tarfile.open(fileobj=shard, mode="w") as tar:
        for pair in ordered:
            jpeg = io.BytesIO()
            Image.open(io.BytesIO(store.get(pair.image))).convert("RGB").save(jpeg, "JPEG")
            member = tarfile.TarInfo(f"{pair.pair_id}.jpg")
            member.size = len(jpeg.getvalue())
            tar.addfile(member, io.BytesIO(jpeg.getvalue()))
    return SplitPart(
        pairs=len(ordered),
        articles=len({pair.article_id for pair in ordered}),
        records=store.put("datasets", table.getvalue(), "application/vnd.apache.parquet"),
        shards=(store.put("datasets", shard.getvalue(), "application/x-tar"),),
    )
