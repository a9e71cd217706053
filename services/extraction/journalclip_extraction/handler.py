"""A delivery -> one `FiguresExtracted` an article: read it in the sandbox, store crops and documents, manifest last.

Idempotent: the manifest ``delivered/<extractor>/<delivery>`` is looked for first, and where it is there the work is
done. Ids come from what the article is and from the figure's number, never from time or place, so a delivery that died
half-way leaves nothing that its repetition does not write again, byte for byte. All facts of a delivery are published
before its offset is committed, since they are one handler's answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from journalclip_extraction.article import (
    Crop,
    ExtractOptions,
    ReadArticle,
    ReadDelivery,
    ReadFigure,
    ReadPanel,
    ReadPart,
)
from journalclip_extraction.documents import best_of, identify, put_document, richness
from journalclip_extraction.errors import refuse_empty
from journalclip_extraction.retractions import proposals
from journalclip_extraction.version import slug
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.deliveries import pack
from journalclip_shared.events import (
    ArticleSubmitted,
    DeliverySubmitted,
    Event,
    Fact,
    FiguresExtracted,
    SourceQuarantined,
    Submitted,
)
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import identify_figure, make_id
from journalclip_shared.records.article import (
    DeliveredArticle,
    ExtractedArticle,
    ExtractedDelivery,
    Figure,
    FigurePart,
    Panel,
)
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.withdrawals import SourceWithdrawn, Withdrawals, Withdrawn


class Reading(Protocol):
    """What reads a delivery; the sandbox in production."""

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        """Raises `PermanentError` with a stable code, or `TransientError`."""
        ...


class ExtractionHandler:
    """One delivery an event, one fact an article of it."""

    group = names.group("extraction", "articles")
    consumes: tuple[type[Fact], ...] = (ArticleSubmitted, DeliverySubmitted)

    def __init__(self, store: ArtifactStore, sandbox: Reading, options: ExtractOptions) -> None:
        self._store = store
        self._sandbox = sandbox
        self._options = options
        self._withdrawals = Withdrawals(store)
        self.extractor = slug(options)

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `PermanentError` (`no-figures` and the codes of parser and sandbox), `SourceWithdrawn`,
        `TransientError`. An article that is withdrawn is left out of its delivery, and a fact says so."""
        fact = event.fact
        if not isinstance(fact, ArticleSubmitted | DeliverySubmitted):
            raise TypeError(f"extraction does not consume {event.topic}")
        gone = dict[str, SourceWithdrawn]()
        yield from self.extract(fact, gone)
        yield from (_left_out(article, error, self.group) for article, error in gone.items())

    def extract(self, fact: Submitted, gone: dict[str, SourceWithdrawn] | None = None) -> list[FiguresExtracted]:
        """As `handle`, for callers that have a fact and no bus; what is withdrawn is added to ``gone``."""
        gone = {} if gone is None else gone
        taken = self._withdrawals.current()
        if (word := taken.of_submission(fact.key)) is not None:
            raise SourceWithdrawn(word, fact.name)
        done = self._store.find_manifest("figures", self.manifest_of(fact))
        if done is None:
            read = self._extract(fact, taken, gone)
            # One with an article left out is not done: when that is reinstated, the delivery is read again.
            name = self.manifest_of(fact) + (f"/without-{make_id('evt', *sorted(gone))}" if gone else "")
            done = self._store.put_manifest("figures", name, read.canonical())
        delivery = ExtractedDelivery.model_validate_json(self._store.get(done))
        for each in delivery.articles:
            if taken and (word := self._word(each, taken)) is not None:
                gone[each.article_id] = SourceWithdrawn(word, each.article_id)
        kept = [each for each in delivery.articles if each.article_id not in gone]
        if gone and not kept:
            raise next(iter(gone.values()))
        return [announce(each, delivery.delivery_id) for each in kept]

    def _word(self, article: DeliveredArticle, taken: Withdrawn) -> Withdrawal | None:
        document = ExtractedArticle.model_validate_json(self._store.get(article.document))
        return taken.of_article(article.article_id, document.facts.journal.value)

    def manifest_of(self, fact: Submitted) -> str:
        """Name of the manifest that says what the delivery held: where it is there, the work is done."""
        return names.delivered(self.extractor, fact.key)

    def _extract(self, fact: Submitted, taken: Withdrawn, gone: dict[str, SourceWithdrawn]) -> ExtractedDelivery:
        read = self._sandbox.read(self._bytes(fact), self._options)
        hit("extraction.read")
        for article in read.articles:
            self._propose(article, fact.key)
        refuse_empty(read)
        kept = []
        for article in read.articles:
            identity = identify(article)
            word = taken.of_article(identity, article.facts.journal.value)
            if word is None:
                kept.append(article)
            else:
                gone[identity] = SourceWithdrawn(word, identity)
        if gone and not kept:
            raise next(iter(gone.values()))
        articles = [self._stored(fact, article) for article in kept]
        return ExtractedDelivery(
            delivery_id=fact.key,
            extractor=self.extractor,
            name=fact.name,
            pages=read.pages,
            title=read.title,
            articles=tuple(articles),
            left_over=(*read.left_over, *(f"{article}: {error.code}" for article, error in gone.items())),
        )

    def _propose(self, article: ReadArticle, delivery: str) -> None:
        """A retraction notice rarely has a figure, so this comes before a delivery without one is refused."""
        for each in proposals(article, identify(article), delivery):
            name = names.proposal(each.notice, each.target)
            if self._store.find_manifest("quarantine", name) is None:
                self._store.put_manifest("quarantine", name, each.canonical())

    def _bytes(self, fact: Submitted) -> bytes:
        if isinstance(fact, ArticleSubmitted):
            return self._store.get(fact.pdf)
        return pack({each.name: self._store.get(each.ref) for each in fact.files})

    def _stored(self, fact: Submitted, article: ReadArticle) -> DeliveredArticle:
        """The article's document, or that of an earlier delivery of the same article, where it is no poorer."""
        identity = identify(article)
        ref = best_of(self._store, self.extractor, identity)
        document = ExtractedArticle.model_validate_json(self._store.get(ref)) if ref else None
        if ref is None or document is None or richness(document.sources) < richness(article.sources):
            document = self._document(fact, article, identity)
            ref = put_document(self._store, document)
        return DeliveredArticle(
            article_id=identity,
            first_page=article.first_page,
            last_page=max(article.last_page, article.first_page),
            title=article.facts.title.value,
            document=ref,
            figures=len(document.figures),
            panels=sum(len(figure.panels) for figure in document.figures),
        )

    def _document(self, fact: Submitted, article: ReadArticle, identity: str) -> ExtractedArticle:
        seen: Counter[str] = Counter()
        figures = []
        for figure in article.figures:
            # A journal that prints two figures of one number still has two figures.
            figures.append(self._figure(figure, identity, seen[figure.key]))
            hit("extraction.figure-stored")
            seen[figure.key] += 1
        return ExtractedArticle(
            article_id=identity,
            extractor=self.extractor,
            pdf=fact.pdf if isinstance(fact, ArticleSubmitted) else _main_file(fact),
            name=fact.name,
            pages=max(article.pages, 1),
            facts=article.facts,
            figures=tuple(figures),
            delivery_id=fact.key,
            first_page=article.first_page,
            confidence=article.confidence,
            pmcid=article.pmcid,
            article_type=article.article_type,
            sources=article.sources,
            agreement=article.agreement,
            unseen=article.unseen,
            captions_seen=article.captions_seen,
        )

    def _figure(self, figure: ReadFigure, article_id: str, repeat: int) -> Figure:
        figure_id = identify_figure(article_id, figure.key, repeat)
        crop = figure.crop
        return Figure(
            figure_id=figure_id,
            number=figure.number,
            label=figure.label,
            caption=figure.caption,
            caption_page=figure.caption_page,
            page=figure.page,
            box=figure.box,
            boxes=figure.boxes,
            kind=figure.kind,
            image=self._put(crop),
            pixels=(crop.width, crop.height) if crop else None,
            phash=figure.phash,
            fingerprint=figure.fingerprint,
            tier=figure.tier,
            panels=self._panels(figure.panels, figure_id),
            mentions=figure.mentions,
            quality=figure.quality,
            modality=figure.modality,
            modality_by=figure.modality_by,
            content=figure.content,
            continued=tuple(map(self._part, figure.continued)),
            series=figure.series,
            suffix=figure.suffix,
            licence=figure.licence,
            flags=figure.flags,
            caption_translation=figure.caption_translation,
        )

    def _part(self, part: ReadPart) -> FigurePart:
        return FigurePart(
            page=part.page,
            box=part.box,
            boxes=part.boxes,
            image=self._put(part.crop),
            pixels=(part.crop.width, part.crop.height) if part.crop else None,
            phash=part.phash,
        )

    def _panels(self, panels: Sequence[ReadPanel], figure_id: str) -> tuple[Panel, ...]:
        return tuple(
            Panel(
                panel_id=make_id("pan", figure_id, str(index), panel.letter or ""),
                letter=panel.letter,
                page=panel.page,
                box=panel.box,
                subcaption=panel.subcaption,
                text=panel.text,
                image=self._put(panel.crop),
                phash=panel.phash,
                fingerprint=panel.fingerprint,
                content=panel.content,
            )
            for index, panel in enumerate(panels)
        )

    def _put(self, crop: Crop | None) -> ArtifactRef | None:
        return self._store.put("figures", crop.data, crop.media_type) if crop else None


def _left_out(article: str, error: SourceWithdrawn, stage: str) -> SourceQuarantined:
    return SourceQuarantined(source_id=article, stage=stage, code=error.code, reason=error.reason, remedy=error.remedy)


def _main_file(fact: DeliverySubmitted) -> ArtifactRef:
    """The file that people are shown: the first PDF, else the first file."""
    return next((each.ref for each in fact.files if each.name.lower().endswith(".pdf")), fact.files[0].ref)


def announce(article: DeliveredArticle, delivery_id: str) -> FiguresExtracted:
    """The fact of one article of a delivery."""
    return FiguresExtracted(
        article_id=article.article_id,
        document=article.document,
        figures=article.figures,
        panels=article.panels,
        delivery_id=delivery_id,
    )
