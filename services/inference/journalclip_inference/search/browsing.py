"""A collection without a query: in a fixed order, page by page.

A page starts after the last row of the page before, named by its sort key, never by a number. So what was on a page
does not come again, and nothing is passed over, also where a new index took the old one's place in between. All pairs
of a figure stand together.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from journalclip_inference.errors import QueryInvalid
from journalclip_inference.index.collection import Collection
from journalclip_inference.index.facets import Filters

Sort = Literal["newest", "oldest", "title", "journal", "quality"]
Key = tuple[float | str, str, str, str]  # what is sorted by, then article, figure, pair
_LAST = "\U0010ffff"  # after all texts
_LONGEST = 2_000  # characters of a cursor


@dataclass(frozen=True)
class Order:
    """All rows that may be shown: their positions and keys, ascending by key."""

    positions: NDArray[np.int64]
    keys: Sequence[Key]


@dataclass(frozen=True)
class Page:
    """Positions of one page, of how many, and what the next begins after (None: this is the last)."""

    positions: tuple[int, ...]
    total: int
    next: str | None


def order_of(collection: Collection, sort: Sort) -> Order:
    """Rows without what is sorted by come last."""
    names = [collection.column(name) for name in ("article_id", "figure_id", "pair_id")]
    values = _values(collection, sort, names[1])
    shown = collection.shown().tolist()
    found = sorted(((values[n], names[0][n], names[1][n], names[2][n]), n) for n in shown)
    return Order(np.array([n for _, n in found], np.int64), [key for key, _ in found])


def page_of(collection: Collection, order: Order, sort: Sort, filters: Filters, k: int, cursor: str | None) -> Page:
    """Raises `QueryInvalid` for a cursor that is none of this order's."""
    start = bisect_right(order.keys, _read(cursor, sort)) if cursor else 0
    allowed = collection.allowed(filters)[order.positions]
    left = np.flatnonzero(allowed[start:]) + start
    chosen = left[:k]
    more = len(left) > k
    after = _written(order.keys[int(chosen[-1])], sort) if more else None
    return Page(tuple(order.positions[chosen].tolist()), int(allowed.sum()), after)


def _values(collection: Collection, sort: Sort, figures: Sequence[str]) -> Sequence[float] | Sequence[str]:
    if sort == "quality":
        best: dict[str, float] = {}
        for figure, score in zip(figures, np.nan_to_num(collection.quality(), nan=-1.0).tolist(), strict=True):
            best[figure] = max(score, best.get(figure, -1.0))
        return [-best[figure] for figure in figures]
    if sort in ("title", "journal"):
        return [value.casefold() or _LAST for value in collection.column(sort)]
    years = [float(year) if year.isdecimal() else np.inf for year in collection.column("year")]
    return [-year if sort == "newest" and year != np.inf else year for year in years]


def _written(key: Key, sort: Sort) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, *key]).encode()).decode()


def _read(cursor: str, sort: Sort) -> Key:
    wrong = QueryInvalid("this cursor belongs to no list in this order", "Start again without a cursor.")
    try:
        found = json.loads(base64.b64decode(cursor[:_LONGEST].encode(), altchars=b"-_", validate=True))
        kind, value, *names = found
    except (ValueError, TypeError, binascii.Error) as error:
        raise wrong from error
    number = sort in ("newest", "oldest", "quality")
    fits = isinstance(value, (int, float)) if number else isinstance(value, str)
    if kind != sort or len(names) != 3 or not all(isinstance(name, str) for name in names) or not fits:
        raise wrong
    return float(value) if number else value, names[0], names[1], names[2]
