"""What an answer says: hits with everything a reader needs to judge them, and whose answer it is.

Every hit carries its score, its caption with the structured fields the query named, the article and page to cite, the
licence, and where its panel lies on its figure; every answer names the model and the index that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydantic import Field

from journalclip_inference.analysis.plurals import singular
from journalclip_inference.analysis.tokens import words_of
from journalclip_inference.index.rows import Row
from journalclip_inference.search.asking import Told
from journalclip_inference.search.ranker import Exact
from journalclip_inference.search.reasons import Reason
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records import Document
from journalclip_shared.records.article import Box, Licence, Modality, Quality
from journalclip_shared.records.caption import CaptionRecord, Coded
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.pair import Pair

Words = frozenset[str]
Named = tuple[tuple[str, Words, Words], ...]


class Served(Document):
    """Which model and index answered; an answer never mixes two."""

    model_id: str
    version: str
    dataset_id: str
    index_id: str


class Region(Document):
    """Where a panel lies on its figure, as shares of the figure's width and height."""

    left: float
    top: float
    width: float
    height: float


class Hit(Document):
    """One pair that answers a query."""

    rank: int = Field(ge=1)
    score: float = Field(description="What hits are ordered by: see `mode` of the answer.")
    share: float | None = Field(
        None, description="How much of the query's words the pair says, 0 to 1; None: not asked."
    )
    similarity: float | None = Field(
        None, description="Cosine of the query with the pair's image (or caption), -1 to 1."
    )
    exact: Exact | None = Field(None, description="What was looked up and is this pair's.")
    reasons: tuple[Reason, ...] = Field((), description="The query's terms that the pair has, and where.")
    pair_id: str
    figure_id: str
    panel_id: str | None = None
    article_id: str
    label: str
    letter: str | None = None
    caption: str
    page: int
    name: str = Field(description="The PDF's name as it came.")
    title: str | None = None
    journal: str | None = None
    year: str | None = None
    doi: str | None = None
    licence: Licence
    modality: Modality
    tier: str
    quality: Quality | None = None
    split: Split | None = None
    record: CaptionRecord
    matched: tuple[str, ...] = Field((), description="Terms of the record that the query names.")
    image: ArtifactRef
    region: Region | None = Field(None, description="The panel on its figure; None where the pair is the whole figure.")

    @cached_property
    def citation(self) -> str:
        """Title, journal, year and DOI as far as known, with the page and the figure's label. Copies share it."""
        facts = (self.title or self.name, self.journal, self.year, f"doi:{self.doi}" if self.doi else None)
        return ". ".join([*(fact for fact in facts if fact), f"{self.label.rstrip('. ')}, page {self.page}"])


class Answer(Told):
    """Hits in falling order of score.

    ``mode`` best: share of the words said, plus looks where few captions say them; words: that share alone; looks: the
    cosine alone.
    """

    served: Served
    hits: tuple[Hit, ...]
    pairs: int = Field(description="Pairs in the collection.")
    facets: dict[str, dict[str, int]] = Field(default_factory=dict)


class Browsed(Document):
    """One page of a collection without a query. A hit's score is the cosine of its picture and its own caption."""

    served: Served
    pairs: int = Field(description="Pairs in the collection.")
    total: int = Field(description="Pairs that pass the filters.")
    facets: dict[str, dict[str, int]]
    hits: tuple[Hit, ...]
    next: str | None = Field(None, description="Give it as `cursor` for the next page; None: this is the last.")


@dataclass(frozen=True)
class Standing:
    """Where a pair stands in an answer, and why."""

    rank: int
    score: float
    share: float | None = None
    similarity: float | None = None
    exact: Exact | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Template:
    """What a hit says of its pair whatever was asked, made once a row: two dozen hits an answer are many conversions.

    ``named``: the record's terms, each with its own words and those of its source text.
    """

    hit: Hit
    named: Named

    def standing(self, standing: Standing, asked: Words = frozenset()) -> Hit:
        """``asked``: the query's words, by which terms of the record are marked."""
        return self.hit.model_copy(update={**vars(standing), "matched": matched_terms(self.named, asked)})


def template_of(row: Row) -> Template:
    pair = row.pair
    hit = Hit(
        rank=1,
        score=0.0,
        pair_id=pair.pair_id,
        figure_id=pair.figure_id,
        panel_id=pair.panel_id,
        article_id=pair.article_id,
        label=pair.label,
        letter=pair.letter,
        caption=pair.text,
        page=pair.page,
        name=row.name,
        title=row.title,
        journal=row.journal,
        year=row.year,
        doi=row.doi,
        licence=pair.licence,
        modality=pair.modality,
        tier=pair.tier,
        quality=pair.quality,
        split=row.split,
        record=pair.record,
        image=pair.image,
        region=region(pair, row.figure_box),
    )
    assert hit.citation  # made here once
    return Template(hit, named_terms(pair.record))


def hit_of(row: Row, standing: Standing, text: str | None = None) -> Hit:
    """``text`` marks the record's terms that it names."""
    return template_of(row).standing(standing, query_words(text or ""))


def region(pair: Pair, figure: Box | None) -> Region | None:
    """A panel's box relative to its figure's, cut to it; None for whole figures and for empty boxes."""
    if pair.panel_id is None or pair.box is None or figure is None:
        return None
    width, height = figure.x1 - figure.x0, figure.y1 - figure.y0
    if width <= 0 or height <= 0:
        return None
    left, right = (_share(x, figure.x0, width) for x in (pair.box.x0, pair.box.x1))
    top, bottom = (_share(y, figure.y0, height) for y in (pair.box.y0, pair.box.y1))
    return Region(left=left, top=top, width=max(0.0, right - left), height=max(0.0, bottom - top))


def _share(value: float, start: float, length: float) -> float:
    return round(min(1.0, max(0.0, (value - start) / length)), 4)


def coded_fields(record: CaptionRecord) -> Iterator[Coded]:
    for name in ("modality", "sequence", "plane", "anatomy", "laterality", "findings", "procedure", "stage"):
        yield from getattr(record, name)


def named_terms(record: CaptionRecord) -> Named:
    """Each coded term with its words and those of its source text, in the record's order."""
    return tuple((each.term, query_words(each.term), query_words(each.text)) for each in coded_fields(record))


def matched_terms(named: Named, asked: Words) -> tuple[str, ...]:
    """Terms all of whose words (or all words of their source text) the query has; each once."""
    found = (term for term, own, source in named if (own and own <= asked) or (source and source <= asked))
    return tuple(dict.fromkeys(found)) if asked else ()


@lru_cache(maxsize=50_000)  # terms and their source texts come again in row after row
def query_words(text: str) -> Words:
    """A text's words in the singular, whatever their order."""
    return frozenset(singular(word.text) for word in words_of(text))
