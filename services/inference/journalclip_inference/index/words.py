"""The word index of one part: tokens of captions, records and surrounding text, searched by tantivy.

``journalclip_inference.analysis`` makes the tokens; tantivy gets them joined by blanks and splits at the blanks. Scores
are constants from the plan, not a segment's BM25, so that the scores of several parts can be compared. A part is one
tar file in the index's folder. Its bytes depend on the rows alone.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np
import tantivy
from numpy.typing import NDArray

from journalclip_inference.index.facets import Choices, facet_token
from journalclip_inference.index.plan import Denied, Field, Leaf, Plan, Term

Query = tantivy.Query
Clause = tuple[tantivy.Occur, tantivy.Query]
Rows = NDArray[np.int64]
Scores = NDArray[np.float32]
FIELDS: tuple[Field, ...] = ("caption", "figure", "record", "around")
_SHOWN: tuple[Field, ...] = ("caption", "figure")
_MUST, _SHOULD, _NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_HEAP = 256_000_000  # bytes: some million captions before the writer starts a second segment
_BLOCK = 1 << 20  # bytes compared at a time
_FOUND = 10_000  # most rows that an exact look-up returns; an article has tens

_MOST_PANELS = 26  # most panels of one figure: the letters a to z
_TITLED = 1_000  # most rows that a search by title returns; articles that share most of its words come first


@dataclass(frozen=True)
class RowWords:
    """The words of one row. Each panel that its text describes becomes one document.

    ``asserted`` holds the tokens that any panel of the row states. A query that denies one of them excludes the row. It
    is empty if each panel is a picture of its own.
    """

    panels: list[dict[Field, list[str]]]
    caption: list[str]  # folded, in order
    title: list[str]
    keys: list[str]
    facets: list[str]
    asserted: list[str] = field(default_factory=list)


def text_key(kind: str, words: Sequence[str]) -> str:
    """The key of a whole text. It depends on the words, not on the characters between them."""
    return f"{kind}:{sha256(' '.join(words).encode()).hexdigest()[:32]}"


def write_words(rows: Iterable[RowWords], path: Path) -> None:
    """Write the words of rows, in their order, as a tar file. The same words give the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        _index(rows, Path(folder))
        with tarfile.open(path, "w") as tar:
            for name, data in sorted(_named(Path(folder)).items()):
                member = tarfile.TarInfo(name)
                member.size = data.stat().st_size
                with data.open("rb") as stream:
                    tar.addfile(member, stream)


def _index(rows: Iterable[RowWords], folder: Path) -> None:
    index = tantivy.Index(_schema(), path=str(folder))
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    for number, words in enumerate(rows):
        for first, tokens in enumerate(words.panels):
            writer.add_document(_document(number, words, tokens, first == 0))
    writer.commit()
    writer.wait_merging_threads()


def _document(number: int, words: RowWords, tokens: dict[Field, list[str]], first: bool) -> tantivy.Document:
    document = tantivy.Document()
    for name in FIELDS:
        document.add_text(name, " ".join(tokens[name]))
    document.add_text("asserted", " ".join(words.asserted))
    document.add_text("phrase", " ".join(words.caption))
    for value in words.facets:
        document.add_text("facet", value)
    document.add_unsigned("row", number)
    if first:
        document.add_text("title", " ".join(words.title))
        for key in words.keys:
            document.add_text("key", key)
    return document


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in (*FIELDS, "asserted"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for ordered in ("phrase", "title"):
        builder.add_text_field(ordered, tokenizer_name="whitespace", index_option="position")
    for raw in ("key", "facet"):
        builder.add_text_field(raw, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("row", indexed=True, fast=True)
    return builder.build()


def _named(folder: Path) -> dict[str, Path]:
    """Files of a tantivy folder by fixed names. Tantivy names segments at random, so they are renamed by number."""
    meta = json.loads((folder / "meta.json").read_text())
    names = {each["segment_id"].replace("-", ""): f"{n:032x}" for n, each in enumerate(meta["segments"])}
    for each in meta["segments"]:
        fixed = names[each["segment_id"].replace("-", "")]
        each["segment_id"] = f"{fixed[:8]}-{fixed[8:12]}-{fixed[12:16]}-{fixed[16:20]}-{fixed[20:]}"
    found: dict[str, Path] = {}
    for path in folder.iterdir():
        stem, dot, extension = path.name.partition(".")
        if stem in names:
            found[f"{names[stem]}{dot}{extension}"] = path
    managed = folder / ".managed.json"
    managed.write_text(json.dumps(sorted([*found, "meta.json"])))
    (folder / "meta.json").write_text(json.dumps(meta, indent=1, sort_keys=True))
    return {**found, "meta.json": folder / "meta.json", ".managed.json": managed}


def unpacked(tar: Path) -> Path:
    """Unpack a tar file from `write_words` into a folder beside it, and return the folder. Atomic.

    A folder that is already there is compared with the tar file once in each process. If it differs, it is unpacked
    again.
    """
    folder = tar.with_name(f"{tar.name}.words")
    if folder in _verified and folder.exists():
        return folder
    if folder.exists() and not _as_packed(tar, folder):
        shutil.rmtree(folder)
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=tar.parent) as fresh:
            with tarfile.open(tar) as archive:
                archive.extractall(fresh, filter="data")
            try:
                shutil.copytree(fresh, made := folder.with_name(f"{folder.name}.{Path(fresh).name}"))
                made.rename(folder)
            except OSError:  # another process was first
                shutil.rmtree(made, ignore_errors=True)
                if not folder.exists():
                    raise
    _verified.add(folder)
    return folder


_verified: set[Path] = set()  # folders that this process has compared with their tar files


def _as_packed(tar: Path, folder: Path) -> bool:
    with tarfile.open(tar) as archive:
        for member in archive:
            path, packed = folder / member.name, archive.extractfile(member)
            if packed is None or not path.is_file() or path.stat().st_size != member.size:
                return False
            with path.open("rb") as there:
                while block := packed.read(_BLOCK):
                    if there.read(_BLOCK) != block:
                        return False
    return True


class Words:
    """An open word index of one part."""

    def __init__(self, folder: Path, panels: int = 2) -> None:
        """``panels``: hits fetched for each row asked for, because several panels of a row may match."""
        self._index = tantivy.Index.open(str(folder))
        self._schema = self._index.schema
        self._searcher = self._index.searcher()
        self._panels = panels

    def count(self, token: str, field: Field = "caption") -> int:
        """Number of panels that contain a token."""
        return int(self._searcher.doc_freq(field, token))

    @property
    def panels(self) -> int:
        """Number of panels of all rows."""
        return int(self._searcher.num_docs)

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Words of captions, titles and mentions, with the number of panels of each; no concepts, no denials."""
        found: dict[str, int] = {}
        for name in ("caption", "around"):
            for token, rows in self._searcher.terms_with_prefix(name, ""):
                if ":" not in token:
                    found[token] = max(found.get(token, 0), rows)
        return found

    def top(self, plan: Plan, limit: int, filters: Choices) -> tuple[Scores, Rows]:
        """The ``limit`` rows with the best words score, best first."""
        asked = self._scored(plan)
        if asked is None:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        return self._search(self._filtered(asked, filters), limit)

    def scores(self, plan: Plan, rows: Sequence[int]) -> dict[int, float]:
        """Words scores of given rows; rows that match nothing are left out."""
        asked = self._scored(plan)
        if asked is None or not rows:
            return {}
        both = Query.boolean_query([(_MUST, self._among(rows)), (_MUST, asked)])
        scores, found = self._search(both, _MOST_PANELS * len(rows))
        return dict(zip(found.tolist(), scores.tolist(), strict=True))

    def known(self, keys: Sequence[str], filters: Choices) -> Rows:
        """Rows that have one of the keys, ascending."""
        asked = Query.boolean_query([(_SHOULD, self._term("key", key)) for key in keys])
        return np.sort(self._search(self._filtered(asked, filters), _FOUND)[1])

    def phrase(self, words: Sequence[str], filters: Choices, name: str = "phrase") -> Rows:
        """Rows whose caption (or title) has the words one after the other, ascending."""
        asked = self._phrase(words, name)
        return np.sort(self._search(self._filtered(asked, filters), _FOUND)[1])

    def titles(self, words: Sequence[str], filters: Choices) -> tuple[Scores, Rows]:
        """Rows of articles whose title contains some of the words; the score is the share of the words, best first."""
        share = 1.0 / len(words)
        either: list[Clause] = [(_SHOULD, Query.const_score_query(self._term("title", word), share)) for word in words]
        return self._search(self._filtered(Query.boolean_query(either), filters), _TITLED)

    def excluded(self, tokens: Sequence[str], rows: Sequence[int]) -> set[int]:
        """Those of ``rows`` that contain one of the tokens."""
        if not tokens or not rows:
            return set()
        either = Query.boolean_query([(_SHOULD, self._term(name, each)) for each in tokens for name in _SHOWN])
        both = Query.boolean_query([(_MUST, self._among(rows)), (_MUST, either)])
        return set(self._search(both, _MOST_PANELS * len(rows))[1].tolist())

    def _among(self, rows: Sequence[int]) -> tantivy.Query:
        """A query for given rows that adds nothing to scores.

        It has one term for each row. A term-set query scans the numbers of all rows, which takes ten times as long for
        the two dozen rows of an answer.
        """
        terms = (Query.term_query(self._schema, "row", row, index_option="basic") for row in rows)
        return Query.const_score_query(Query.boolean_query([(_SHOULD, each) for each in terms]), 0.0)

    def _scored(self, plan: Plan) -> tantivy.Query | None:
        if not plan.terms:
            return None
        clauses: list[Clause] = [
            (_MUST, Query.boolean_query([(_SHOULD, self._scored_term(t, t.weight)) for t in plan.terms]))
        ]
        clauses += [(_NOT, self._denied(each)) for each in plan.denied]
        clauses += [(_NOT, self._term(name, token)) for token in plan.without for name in _SHOWN]
        clauses += [(_MUST, Query.const_score_query(self._phrase(each, "phrase"), 0.0)) for each in plan.phrases]
        return Query.boolean_query(clauses)

    def _scored_term(self, term: Term, weight: float) -> tantivy.Query:
        either = [self._leaf(leaf, weight) for leaf in term.leaves]
        total = sum(part.weight for part in term.parts)
        if total > 0:
            share = weight * term.whole / total
            parts: list[Clause] = [(_SHOULD, self._scored_term(part, share * part.weight)) for part in term.parts]
            either.append(Query.boolean_query(parts))
        if len(either) == 1:
            return either[0]
        return Query.disjunction_max_query(either)

    def _leaf(self, leaf: Leaf, weight: float) -> tantivy.Query:
        return Query.const_score_query(self._term(leaf.field, leaf.token), weight * leaf.share)

    def _denied(self, denied: Denied) -> tantivy.Query:
        says: list[Clause] = [(_SHOULD, self._term("caption", token)) for token in denied.tokens]
        here: list[Clause] = [(_MUST, Query.boolean_query(says))]
        here += [(_NOT, self._term("caption", token)) for token in denied.unless]
        anywhere: list[Clause] = [(_SHOULD, self._term("asserted", token)) for token in denied.tokens]
        return Query.boolean_query([(_SHOULD, Query.boolean_query(here)), *anywhere])

    def _phrase(self, words: Sequence[str], field: str) -> tantivy.Query:
        if len(words) == 1:
            return Query.term_query(self._schema, field, words[0])
        return Query.phrase_query(self._schema, field, list(words))

    def _term(self, field: str, token: str) -> tantivy.Query:
        return Query.term_query(self._schema, field, token, index_option="basic")

    def _filtered(self, asked: tantivy.Query, filters: Choices) -> tantivy.Query:
        clauses: list[Clause] = [(_MUST, asked)]
        for facet in filters.facets():
            if chosen := filters.of(facet):
                either: list[Clause] = [(_SHOULD, self._term("facet", facet_token(facet, each))) for each in chosen]
                clauses.append((_MUST, Query.const_score_query(Query.boolean_query(either), 0.0)))
        return asked if len(clauses) == 1 else Query.boolean_query(clauses)

    def _search(self, asked: tantivy.Query, limit: int) -> tuple[Scores, Rows]:
        """Rows by the score of their best panel, best first; equal scores by row number."""
        hits = self._searcher.search(asked, limit=max(1, limit * self._panels), count=False).hits
        rows = cast(list[int], self._searcher.fast_field_values("row", [address for _, address in hits]))
        best: dict[int, float] = {}
        for (score, _), row in zip(hits, rows, strict=True):
            best.setdefault(row, score)
        order = sorted(best, key=lambda row: (-best[row], row))[:limit]
        return np.array([best[row] for row in order], np.float32), np.array(order, np.int64)
