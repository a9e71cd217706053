"""What is indexed of a figure's pair: the parts of its caption, its record, its article, and what looks it up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from journalclip_inference.analysis import Analyzer, analyzer
from journalclip_inference.analysis.analyzer import phrase_of
from journalclip_inference.analysis.segments import segments
from journalclip_inference.analysis.tokens import words_of
from journalclip_inference.index.plan import Field
from journalclip_inference.index.rows import Row, facet_tokens
from journalclip_inference.index.words import RowWords, text_key


def words_of_rows(rows: Iterable[Row]) -> Iterator[RowWords]:
    """By the shipped analysis."""
    reader = analyzer()
    return (words_of_row(row, reader) for row in rows)


def words_of_row(row: Row, reader: Analyzer) -> RowWords:
    pair = row.pair
    said = pair.record
    coded = [*said.modality, *said.sequence, *said.plane, *said.anatomy, *said.laterality]
    coded += [*said.procedure, *said.stage, *(finding for finding in said.findings if not finding.negated)]
    terms = [*(each.term for each in coded), *([] if pair.modality in ("unknown", "other") else [pair.modality])]
    denied = [f"no {finding.term}" for finding in said.findings if finding.negated]
    around = [text for text in (row.title, *row.authors, row.journal, row.year, *pair.mentions) if text]
    caption, title = phrase_of(words_of(pair.text)), phrase_of(words_of(row.title or ""))
    record = [token for text in (*terms, *denied) for token in _said(reader, text)]
    beside = [token for text in around for token in _said(reader, text)]
    parts = [reader.tokens(text) for text in segments(pair.text)]
    whole = reader.tokens(pair.text) if len(parts) > 1 else []
    panels: list[dict[Field, list[str]]] = [
        {"caption": part, "figure": whole, "record": record, "around": beside} for part in parts
    ]
    return RowWords(panels, caption, title, keys_of(row, caption, title), facet_tokens(row))


@lru_cache(maxsize=20_000)  # terms, names and titles come again in row after row
def _said(reader: Analyzer, text: str) -> tuple[str, ...]:
    return tuple(reader.tokens(text))


def keys_of(row: Row, caption: Sequence[str], title: Sequence[str]) -> list[str]:
    """What a row is found by exactly."""
    pair = row.pair
    keys = [f"id:{each.lower()}" for each in (pair.pair_id, pair.figure_id, pair.panel_id, pair.article_id) if each]
    keys += [f"doi:{row.doi.lower()}"] if row.doi else []
    keys += [f"file:{row.name.lower()}"] if row.name else []
    keys += [text_key("caption", caption)] if caption else []
    return [*keys, text_key("title", title)] if title else keys
