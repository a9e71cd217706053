"""SeLIP's published similarity of two findings texts: clause by clause, place and signal beside shared characters.

A text is a list of clauses, each a site and what is seen there. For texts a and b
``S(a, b) = min(1, mean over all clause pairs of [1/2 (site = site') + 1/2 (tag = tag')] * dice(units, units'))``,
as the authors' released code computes it (arXiv 2503.19801). A tag is the kind of signal. Units are a clause's
characters in Chinese, its words elsewhere (our choice: nearly all English clauses share their letters). The one text of
normal examinations is never split and is like no other text; ``S(a, a)`` is 1.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from journalclip_shared.ids import sha256_hex
from journalclip_training.batches import Indices
from journalclip_training.similarity import CPU, Block

_log = logging.getLogger(__name__)
_ROWS = 1024  # clauses whose similarities to a group are held at a time: 80 MiB at a group of 20,000
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W_]+")
# "hyperintense lesion in the left thalamus" (what a description renders to), "at the left thalamus shows a lesion".
_ENGLISH_SHOWS = re.compile(r"at (?:the )?(?P<site>.+?) shows (?P<signal>.+)", re.IGNORECASE)
_ENGLISH_IN = re.compile(r"(?P<signal>.+?) in the (?P<site>.+)", re.IGNORECASE)
_CHINESE_CLAUSE = re.compile(r"在(?P<site>.*?)表现为(?P<signal>.*)", re.DOTALL)
_SEQUENCE = re.compile(r"^[A-Z0-9]+: ")  # "T2WI: " before a description's clauses
TAGS_CHINESE = ("高信号", "低信号", "长信号", "短信号", "等信号")
TAGS_ENGLISH = ("hyperintense", "hypointense", "isointense", "mixed")


@dataclass(frozen=True)
class Clause:
    """``tag`` is the kind of signal, or the whole phrase where it names none."""

    site: str
    tag: str
    units: frozenset[str]
    parsed: bool = True  # False: the words follow no known form, and the clause is its own site and tag


def clauses(text: str) -> list[Clause]:
    """The clauses of a text, Chinese or English, in their order; at least one."""
    if _CHINESE.search(text):
        return [_clause(part, (_CHINESE_CLAUSE,), TAGS_CHINESE, characters=True) for part in text.split("，")]
    body = _SEQUENCE.sub("", text.strip()).rstrip(".")
    parts = [part.strip() for part in body.split(";") if part.strip()] or [""]
    return [_clause(part, (_ENGLISH_SHOWS, _ENGLISH_IN), TAGS_ENGLISH, characters=False) for part in parts]


def _clause(text: str, forms: Sequence[re.Pattern[str]], tags: Sequence[str], characters: bool) -> Clause:
    found = next((match for form in forms if (match := form.fullmatch(text))), None)
    site, signal = (found["site"], found["signal"]) if found else (text, text)
    said = site + signal if characters else f"{site} {signal}"
    units = frozenset(said) if characters else frozenset(_WORD.findall(said.casefold()))
    tag = next((each for each in tags if each in signal.casefold()), signal)
    return Clause(site, tag, units, found is not None)


class Clauses:
    """The similarity over a set of unique texts, from features made once a clause."""

    def __init__(self, texts: Sequence[str], normal: str = "") -> None:
        """``normal`` is the text of normal examinations; empty: there is none."""
        number: dict[Clause, int] = {}
        rows = [[] if text == normal else [number.setdefault(c, len(number)) for c in clauses(text)] for text in texts]
        self.texts, self.normal = tuple(texts), normal
        self.unparsed = sum(not clause.parsed for clause in number)  # clauses that no form fits
        if self.unparsed:
            _log.warning("%d of %d clauses follow no known form of site and signal", self.unparsed, len(number))
        self._of = np.array([c for row in rows for c in row], np.int64)
        self._starts = np.array([0, *(len(row) for row in rows)], np.int64).cumsum()
        self._site, self._tag = _numbered([c.site for c in number]), _numbered([c.tag for c in number])
        self._units = _multi_hot([c.units for c in number])

    def at(self, ids: Indices, device: torch.device = CPU) -> Block:
        """Rows and columns of the batch ``ids``; 1 on the diagonal and wherever an id is repeated."""
        spans = [self._of[a:b] for a, b in zip(self._starts[ids], self._starts[ids + 1], strict=True)]
        counts = np.array([len(span) for span in spans], np.int64)
        ends = np.array([0, *counts], np.int64).cumsum()
        chosen = torch.from_numpy(np.concatenate(spans) if spans else self._of[:0])
        owner = torch.from_numpy(np.repeat(np.arange(len(ids)), counts)).to(device)
        weight = torch.from_numpy(1 / np.maximum(counts, 1).astype(np.float32)).to(device)
        units = self._units[chosen].to(device, torch.float32)
        sizes, site, tag = units.sum(1), self._site[chosen].to(device), self._tag[chosen].to(device)
        number = torch.from_numpy(ids).to(device)

        def block(rows: slice, columns: slice) -> Tensor:
            a, b = rows.indices(len(ids))[:2], columns.indices(len(ids))[:2]
            r, c = (slice(int(ends[start]), int(ends[stop])) for start, stop in (a, b))
            alike = _agreement(site[r], tag[r], site[c], tag[c]).mul_(_dice(units[r], sizes[r], units[c], sizes[c]))
            out = alike.new_zeros(a[1] - a[0], alike.shape[1]).index_add_(0, owner[r] - a[0], alike)
            out = out.new_zeros(b[1] - b[0], a[1] - a[0]).index_add_(0, owner[c] - b[0], out.T.contiguous())
            out = (out.T.contiguous() * weight[rows, None] * weight[columns]).clamp_(max=1)
            return out.masked_fill_(number[rows, None] == number[columns], 1.0)

        return block

    def matrix(self, cache: Path | None = None) -> NDArray[np.float32]:
        """float32 [N, N] over all texts, 1 on the diagonal; kept below ``cache`` under the texts' digest."""
        if cache is None:
            return self._matrix()
        path = cache / f"{sha256_hex(repr((self.normal, self.texts)).encode())[:32]}.clauses.npy"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            with temporary.open("wb") as handle:
                np.save(handle, self._matrix(), allow_pickle=False)
            temporary.replace(path)
        found: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found

    def _matrix(self) -> NDArray[np.float32]:
        """``A M A^T``: clause similarities M, of which each text takes the mean by its row of A.

        M is 0 where neither site nor tag agrees, so it is made group by group: clauses of one site, then of one tag.
        """
        count, known = len(self.texts), len(self._units)
        lengths = np.diff(self._starts)
        weights = np.repeat(1 / np.maximum(lengths, 1).astype(np.float32), lengths)
        mean = sparse.csr_matrix((weights, self._of, self._starts), (count, known)).tocsc()
        out = np.zeros((count, count), np.float32)
        for key in (self._site, self._tag):
            for group in torch.split(key.argsort(), torch.bincount(key).tolist()):
                self._add_group(out, mean, group)
        np.minimum(out, 1, out=out)
        np.fill_diagonal(out, 1)
        return out

    def _add_group(self, out: NDArray[np.float32], mean: sparse.csc_matrix, group: Tensor) -> None:
        """Add half of ``A D A^T``, with D the Dice of the clauses ``group`` among themselves."""
        units = self._units[group]
        units = units[:, units.bool().any(0)].to(torch.float32)
        sizes, whole = units.sum(1), mean[:, group.numpy()]
        columns = np.unique(whole.indices)
        weights = whole.tocsr()[columns]
        for start in range(0, len(group), _ROWS):
            r = slice(start, start + _ROWS)
            part = whole[:, start : start + _ROWS]
            rows = np.unique(part.indices)
            alike = (weights @ _dice(units, sizes, units[r], sizes[r]).numpy()).T  # [clauses of r, columns]
            out[np.ix_(rows, columns)] += 0.5 * (part.tocsr()[rows] @ alike)


def _agreement(site: Tensor, tag: Tensor, other_site: Tensor, other_tag: Tensor) -> Tensor:
    return (site[:, None] == other_site).float().mul_(0.5).add_(tag[:, None] == other_tag, alpha=0.5)


def _dice(units: Tensor, sizes: Tensor, others: Tensor, other_sizes: Tensor) -> Tensor:
    return (units @ others.T).mul_(2).div_((sizes[:, None] + other_sizes).clamp_(min=1))


def _numbered(values: Sequence[str]) -> Tensor:
    number: dict[str, int] = {}
    return torch.tensor([number.setdefault(value, len(number)) for value in values], dtype=torch.int64)


def _multi_hot(sets: Sequence[frozenset[str]]) -> Tensor:
    """uint8 [len(sets), units]."""
    place = {unit: n for n, unit in enumerate(sorted(frozenset().union(*sets)))}
    out = torch.zeros(len(sets), max(1, len(place)), dtype=torch.uint8)
    for row, units in zip(out, sets, strict=True):
        row[[place[unit] for unit in units]] = 1
    return out
