"""What splits and leaks need to know of each pair of a dataset, in a temporary database: any number of pairs in little
memory.

A row is a pair's ids and digests and never the pair itself: about two kilobytes on the disk of the temporary folder,
mostly its fingerprint, and 64 bytes in memory while pictures are compared. Which pairs are alike (one picture,
near-duplicates by perceptual hash, altered copies by fingerprint) is found once all of them are there.
"""

from __future__ import annotations

import hashlib
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Literal

import numpy as np

from journalclip_shared.components import roots
from journalclip_shared.duplicates import FEATURELESS, near_values, number_of
from journalclip_shared.fingerprints import Printed, same_pictures
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair

_CACHE_KIB = 64 * 1024
_TABLES = """
create table pair (
    id text primary key, article text not null, split text, content blob, record blob, document integer,
    image blob not null, caption blob not null, words integer not null, phash integer, fingerprint text,
    licence text not null, modality text not null
) without rowid;
create table near (phash integer primary key, root integer not null);
create table altered (id text primary key, root text not null) without rowid;
create table side (article text primary key, split text not null) without rowid;
"""
_ADD = "insert or replace into pair values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_EARLIER = """
update pair set split = null where split = ? and caption in (select caption from pair where split in (?, 'train'))
"""
_BY = {
    "licence": "select licence, count(*) from pair where split is not null group by 1 order by min(id)",
    "modality": "select modality, count(*) from pair where split is not null group by 1 order by min(id)",
}
# An image without structure is alike in nothing, so its hash is not kept.
_NEAR = "(select split, coalesce(root, phash) cluster from pair left join near using (phash) where phash is not null)"
_DIVIDED = """
select count(*) from (
    select 1 from {rows} where split is not null group by {key} having min(split) < max(split)
)
"""


def normalised(text: str) -> str:
    """Letters and digits of the NFKD form, lower case, single spaces: equal here means the same caption."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(ch if ch.isalnum() else " " for ch in folded).split())


class PairTable:
    """Pairs by id. Closed with `close`, or when it is let go of."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)  # a file without a name, gone with the connection
        self._rows.execute(f"pragma cache_size = -{_CACHE_KIB}")
        self._rows.execute("pragma temp_store = file")
        self._rows.execute("pragma journal_mode = off")
        self._rows.executescript(_TABLES)
        self._rows.execute("begin")
        self._compared = False

    def close(self) -> None:
        self._rows.close()

    def __len__(self) -> int:
        return self._count("select count(*) from pair where split is not null")

    def add(
        self, pair: Pair, split: Split | None = None, content: bytes = b"", record: bytes = b"", document: int = 0
    ) -> None:
        """``content`` and ``record``: digests of the pair and of its row; ``document``: the number of its document."""
        caption = normalised(pair.text)
        row = (
            pair.pair_id, pair.article_id, split, content, record, document, bytes.fromhex(pair.image.sha256),
            hashlib.blake2b(caption.encode(), digest_size=16).digest(), len(caption.split()), _signed(pair.phash),
            pair.fingerprint, pair.licence, pair.modality,
        )  # fmt: skip
        self._rows.execute(_ADD, row)
        self._compared = False

    def articles(self) -> list[str]:
        return [article for (article,) in self._rows.execute("select distinct article from pair order by article")]

    def links(self, long_caption: int) -> Iterator[tuple[str, str]]:
        """Pairs of articles that share a picture, one like it, or a caption of so many words."""
        self._compare()
        yield from self._neighbours("select image, article from pair order by 1")
        yield from self._neighbours("select phash, article from pair where phash is not null order by 1")
        long = "select caption, article from pair where words >= ? order by 1"
        yield from self._neighbours(long, long_caption)
        yield from self._neighbours("select root, article from near join pair using (phash) order by 1")
        yield from self._neighbours("select root, article from altered join pair using (id) order by 1")

    def put_sides(self, side_of: Mapping[str, Split]) -> None:
        """Every pair on its article's side."""
        self._rows.execute("delete from side")
        self._rows.executemany("insert into side values (?, ?)", side_of.items())
        self._rows.execute("update pair set split = (select split from side where side.article = pair.article)")

    def drop_shared_captions(self) -> int:
        """Take out of val, then of test, what has the caption of an earlier split; how many were taken out."""
        dropped = 0
        for split, earlier in (("val", "train"), ("test", "val")):
            dropped += self._rows.execute(_EARLIER, (split, earlier)).rowcount
        return dropped

    def members(self, split: Split) -> Iterator[tuple[str, bytes]]:
        """``(id, digest of its row)`` by id."""
        yield from self._rows.execute("select id, record from pair where split = ? order by id", (split,))

    def contents(self) -> Iterator[tuple[str, Split, bytes]]:
        """``(id, split, digest of the pair)`` by id."""
        yield from self._rows.execute("select id, split, content from pair where split is not null order by id")

    def documents(self, ids: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """The documents that hold these pairs, by number, each with those ids."""
        self._rows.execute("create temp table if not exists wanted (id text primary key) without rowid")
        self._rows.execute("delete from wanted")
        self._rows.executemany("insert into wanted values (?)", ((each,) for each in ids))
        held, at = list[str](), -1
        for document, each in self._rows.execute("select document, id from wanted join pair using (id) order by 1, 2"):
            if document != at and held:
                yield at, held
                held = []
            at = document
            held.append(each)
        if held:
            yield at, held

    def sizes(self, split: Split) -> tuple[int, int]:
        """Pairs and articles."""
        pairs, articles = self._rows.execute(
            "select count(*), count(distinct article) from pair where split = ?", (split,)
        ).fetchone()
        return int(pairs), int(articles)

    def counts(self, column: Literal["licence", "modality"]) -> dict[str, int]:
        """Pairs by licence, or by modality."""
        return dict(self._rows.execute(_BY[column]).fetchall())

    def leaks(self) -> LeakReport:
        """How many times something stands in more than one split."""
        self._compare()
        return LeakReport(
            articles=self._count(_DIVIDED.format(rows="pair", key="article")),
            image_digests=self._count(_DIVIDED.format(rows="pair", key="image")),
            near_images=self._count(_DIVIDED.format(rows=_NEAR, key="cluster")),
            altered_images=self._count(_DIVIDED.format(rows="altered join pair using (id)", key="root")),
            captions=self._count(_DIVIDED.format(rows="pair", key="caption")),
        )

    def _compare(self) -> None:
        if self._compared:
            return
        self._rows.execute("delete from near")
        self._rows.execute("delete from altered")
        hashes = self._rows.execute("select distinct phash from pair where phash is not null")
        values = np.fromiter((value for (value,) in hashes), np.int64).view(np.uint64)
        near = [(int(one), int(other)) for one, other in near_values(values)]
        groups = roots({each for link in near for each in link}, near)
        rows = ((_of_unsigned(value), _of_unsigned(root)) for value, root in groups.items())
        self._rows.executemany("insert into near values (?, ?)", rows)
        printed = self._rows.execute("select id, fingerprint from pair where fingerprint is not null order by id")
        same = list(same_pictures(Printed(each, fingerprint) for each, fingerprint in printed))
        altered = roots({each for link in same for each in link}, same)
        self._rows.executemany("insert into altered values (?, ?)", altered.items())
        self._compared = True

    def _neighbours(self, query: str, *values: int) -> Iterator[tuple[str, str]]:
        """Articles that follow each other under one key."""
        for (one, article), (other, following) in pairwise(self._rows.execute(query, values)):
            if one == other and article != following:
                yield article, following

    def _count(self, query: str) -> int:
        return int(self._rows.execute(query).fetchone()[0])


def _signed(phash: str | None) -> int | None:
    if not phash or phash == FEATURELESS:
        return None
    return _of_unsigned(number_of(phash))


def _of_unsigned(value: int) -> int:
    """SQLite has signed integers of 64 bits."""
    return value - 2**64 if value >= 2**63 else value
