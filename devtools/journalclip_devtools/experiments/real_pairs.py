"""``journalclip bench real-pairs``: does a start of real weights help on real figures and captions?

Pairs are read from real articles (PDFs and packages, by the extractor as it ships) and from lists of labelled pictures
(`figures.jsonl`), and divided by article into folds. In each fold three or four models are asked for the held-out
pairs: the untouched start, the start trained by its recipe, the same shape from nothing by the same recipe, and the
same shape from nothing with all of its weights moving. Queries of all folds are pooled; differences are paired by query
and their intervals resample articles.
"""

from __future__ import annotations

import functools
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save
from torch import nn

from journalclip_evaluation.bootstrap import Difference, Groups, difference
from journalclip_evaluation.embedded import EmbeddedPairs, text_key
from journalclip_evaluation.once import once
from journalclip_evaluation.retrieval import SIDES, rank
from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.listing import list_files, write_crops
from journalclip_extraction.sandbox import Sandbox
from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.two_tower import TwoTower
from journalclip_shared.artifacts import blob_ref
from journalclip_shared.atomic import write_atomically
from journalclip_shared.ids import Json, make_id, sha256_hex
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.pair import Pair
from journalclip_training.base import load_base
from journalclip_training.config import TrainConfig
from journalclip_training.fit import fit
from journalclip_training.pictures import InMemory
from journalclip_training.recipes import article_config
from journalclip_training.reference import embedded
from journalclip_training.samples import Samples

Arm = Literal["untouched", "tuned", "nothing", "nothing, all weights"]
ARMS: tuple[Arm, ...] = get_args(Arm)
RECIPE = "demo_packaged"
FOLDS = 5
K = 10
LEAST_WORDS = 3  # a shorter caption names nothing to look for
_SETTLED = 64  # pictures that a random tower's batch statistics are taken from


@dataclass(frozen=True)
class Source:
    """One figure: its picture's file, its caption, its article."""

    picture: str
    text: str
    article: str


@dataclass(frozen=True)
class Hits:
    """Of one arm in one fold: for each held-out pair, whether its partner is among the first `K`, both ways."""

    articles: tuple[str, ...]
    pool: int
    image_to_text: tuple[float, ...]
    text_to_image: tuple[float, ...]
    chance: float
    seconds: float  # of CPU time, training alone


def read(files: Sequence[Path], keep: Path, tick: Callable[[int], None]) -> None:
    """Extract what ``keep`` does not hold yet: the lines and pictures of ``journalclip extract --json --crops``."""
    listing = keep / "extract.jsonl"
    known = {row["file"] for row in _rows(listing)}
    fresh = [path for path in files if str(path) not in known]
    tick(len(files) - len(fresh))
    if not fresh:
        return
    with Sandbox() as sandbox:
        for number, path in enumerate(fresh, start=1):
            lines, place = [], 1
            for _, listed in list_files([path], sandbox, ExtractOptions(crops=True)):
                if listed.article is not None:
                    place = write_crops(keep / "crops", path, listed.article, place)
                lines.append(json.dumps(listed.row))
            with listing.open("a") as handle:  # a file's lines at once: a stopped run reads it again, or not at all
                handle.write("".join(f"{line}\n" for line in lines))
            tick(len(files) - len(fresh) + number)


def listed_pairs(keep: Path, files: Sequence[Path]) -> Iterator[Source]:
    """The figures of ``files`` that `read` has found."""
    wanted, place = {str(path) for path in files}, dict[str, int]()
    for row in _rows(keep / "extract.jsonl"):
        if row["state"] != "extracted" or row["file"] not in wanted:
            continue
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(row["file"]).stem)
        for figure in row["figures"]:
            number = place[row["file"]] = place.get(row["file"], 0) + 1
            for picture in (keep / "crops").glob(f"{stem}-{number:03d}-*"):
                yield Source(str(picture), figure["caption"], row["article_id"])


def _rows(listing: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in listing.read_text().splitlines()] if listing.is_file() else []


def labelled_pairs(listing: Path) -> Iterator[Source]:
    """Pictures of a `figures.jsonl`, which lie beside it."""
    for line in listing.read_text().splitlines():
        row = json.loads(line)
        yield Source(str(listing.parent / row["file"]), row["caption"], row["article"])


def usable(sources: Sequence[Source]) -> tuple[list[Source], dict[str, int]]:
    """Figures with words, each picture and caption once; and how many were left out, by reason."""
    kept, seen, dropped = [], set[str](), {"too few words": 0, "seen before": 0}
    for each in sources:
        key = text_key(each.text) + sha256_hex(Path(each.picture).read_bytes())
        if len(each.text.split()) < LEAST_WORDS:
            dropped["too few words"] += 1
        elif key in seen:
            dropped["seen before"] += 1
        else:
            seen.add(key)
            kept.append(each)
    return kept, dropped


def fold_of(sources: Sequence[Source], folds: int) -> np.ndarray:
    """int64 [N]: whole articles, the largest first into the fold that has least so far."""
    sizes: dict[str, int] = {}
    for each in sources:
        sizes[each.article] = sizes.get(each.article, 0) + 1
    filled, of = [0] * folds, dict[str, int]()
    for article in sorted(sizes, key=lambda name: (-sizes[name], sha256_hex(name.encode()))):
        of[article] = int(np.argmin(filled))
        filled[of[article]] += sizes[article]
    return np.array([of[each.article] for each in sources], np.int64)


class Remembered(nn.Module):
    """A locked tower that is asked once for each picture or text, over all folds; the answers are the tower's own.

    They are kept in ``folder`` under a digest of the tower's weights.
    """

    def __init__(self, tower: nn.Module, folder: Path, pad: int | None = None) -> None:
        super().__init__()
        self.tower, self._pad = tower, pad
        weights = b"".join(each.numpy().tobytes() for each in tower.state_dict().values())
        self._path = folder / f"locked-{sha256_hex(weights)[:16]}.safetensors"
        self._known: dict[str, torch.Tensor] = load_file(self._path) if self._path.exists() else {}
        self._kept = len(self._known)

    def forward(self, rows: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        keys = [self._key(row) for row in rows]
        if fresh := [at for at, key in enumerate(keys) if key not in self._known]:
            with torch.no_grad():
                found = self.tower(rows[fresh]) if mask is None else self.tower(rows[fresh], mask[fresh])
            self._known |= zip((keys[at] for at in fresh), found.unbind(), strict=True)
        return torch.stack([self._known[key] for key in keys])

    def keep(self) -> None:
        """Write what is new."""
        if len(self._known) > self._kept:
            write_atomically(self._path, save({key: each.contiguous() for key, each in self._known.items()}))
            self._kept = len(self._known)

    @property
    def pad(self) -> int | None:
        return self._pad

    def _key(self, row: torch.Tensor) -> str:
        seen = row if self._pad is None else row[row != self._pad]
        return sha256_hex(seen.contiguous().numpy().tobytes())


@dataclass(frozen=True)
class RealPairs:
    """The experiment over some pairs; ``keep`` holds what is done, so that a stopped run goes on."""

    sources: tuple[Source, ...]
    keep: Path
    folds: int = FOLDS
    epochs: float = 4  # of the arm that trains all weights from nothing
    overrides: tuple[str, ...] = ()

    def run(self, arms: Sequence[Arm], tick: Callable[[str], None]) -> dict[Arm, list[Hits]]:
        folds = fold_of(self.sources, self.folds)
        pixels: dict[Preprocess, torch.Tensor] = {}
        found: dict[Arm, list[Hits]] = {arm: [] for arm in arms}
        for arm in arms:
            locked: list[tuple[Remembered, Remembered]] = []
            for fold in range(self.folds):
                of = {
                    "config": self._config(arm, fold).digest, "folds": self.folds,
                    "pairs": sha256_hex(repr(self.sources).encode()),
                }  # fmt: skip
                work = functools.partial(self._fold, arm, fold, folds, pixels, locked)
                name = f"{arm.replace(', ', '-').replace(' ', '-')}-{fold}"
                hits = once(self.keep, name, cast(Json, of), Hits, work)
                found[arm].append(hits)
                r = 100 * np.mean([*hits.image_to_text, *hits.text_to_image])
                tick(f"{arm}, fold {fold + 1} of {self.folds}: R@{K} {r:.1f} % of a pool of {hits.pool}")
        return found

    def _config(self, arm: Arm, fold: int) -> TrainConfig:
        config = replace(article_config(RECIPE, self.overrides), seed=fold)
        if arm != "nothing, all weights":
            return config
        # Nothing is known yet, so everything moves, at the rate that small towers from nothing train with.
        return replace(
            config,
            model=replace(config.model, trainable="all"),
            optim=replace(config.optim, lr=5e-4, epochs=self.epochs, batch=64, weight_decay=0.1),
        )

    def _fold(
        self, arm: Arm, fold: int, folds: np.ndarray, pixels: dict[Preprocess, torch.Tensor],
        locked: list[tuple[Remembered, Remembered]],
    ) -> Hits:  # fmt: skip
        config = self._config(arm, fold)
        start = load_base(config, [])
        if start.preprocess not in pixels:
            pixels[start.preprocess] = _squares(self.sources, start.preprocess)
        squares = pixels[start.preprocess]
        train, test = (self._samples(squares, folds, fold, held_out=held_out) for held_out in (False, True))
        if arm.startswith("nothing"):
            from_nothing(start, train, fold)
        if arm != "nothing, all weights":  # the towers are the same in every fold, and move in none
            model = start.model
            if not locked:
                text = Remembered(model.text_model, self.keep, model.text_model.pad)
                locked.append((Remembered(model.vision_model, self.keep), text))
            model.vision_model, model.text_model = locked[0]
        before = time.process_time()
        if arm != "untouched":
            with tempfile.TemporaryDirectory() as scratch:
                fit(config, start, train, Path(scratch))
        seconds = time.process_time() - before
        hits = scored(start, test, seconds)
        for tower in locked[0] if locked else ():
            tower.keep()
        return hits

    def _samples(self, squares: torch.Tensor, folds: np.ndarray, fold: int, *, held_out: bool) -> Samples:
        rows = np.flatnonzero((folds == fold) == held_out)
        return Samples(
            tuple(_pair(self.sources[row], int(row)) for row in rows), InMemory(squares[torch.from_numpy(rows)])
        )


def scored(model: ClipFolder, test: Samples, seconds: float) -> Hits:
    """Strict: only a pair's own partner is right."""
    model.model.eval()
    images, texts = embedded(model, test)
    names = [pair.pair_id for pair in test.pairs]
    articles = [pair.article_id for pair in test.pairs]
    ranked = rank(EmbeddedPairs(images, texts, names, articles, names, names, [""] * len(names)))
    first, second = (ranked.strict[side].hits(K) for side in SIDES)
    chance = ranked.strict[SIDES[0]].chance(K)
    return Hits(tuple(articles), len(test), tuple(first.tolist()), tuple(second.tolist()), chance, seconds)


def from_nothing(start: ClipFolder, train: Samples, seed: int) -> None:
    """Every weight of ``start`` drawn anew. Its batch norms do not learn in training, so they are given the statistics
    of some training pictures, or the random tower would blow up or fade out."""
    model = start.model
    assert isinstance(model, TwoTower), "the start of real weights has two towers"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scale = model.logit_scale.detach().clone()
        model.load_state_dict(TwoTower(model.config).state_dict())
    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over what is seen
        norm.train()
    some = np.arange(min(_SETTLED, len(train)), dtype=np.int64)
    with torch.no_grad():
        model.logit_scale.copy_(scale)
        model.vision_model(start.preprocess.normalise(train.pictures.batch(some)))
    model.eval()


def compared(found: dict[Arm, list[Hits]], one: Arm, other: Arm, side: str) -> Difference:
    """R@K of ``one`` minus that of ``other``, paired by query; articles are resampled."""
    articles = [name for hits in found[one] for name in hits.articles]
    ours, theirs = (np.array([x for hits in found[arm] for x in getattr(hits, side)]) for arm in (one, other))
    return difference(theirs, ours, Groups.of(articles))


def _squares(sources: Sequence[Source], preprocess: Preprocess) -> torch.Tensor:
    pixels = np.stack([preprocess.pixels(Image.open(each.picture)) for each in sources])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _pair(source: Source, row: int) -> Pair:
    return Pair(
        pair_id=make_id("pair", str(row)), article_id=make_id("art", source.article),
        figure_id=make_id("fig", str(row)), label="Figure", image=blob_ref("figures", "0" * 64, 1, "image/jpeg"),
        text=source.text, record=CaptionRecord(), page=1,
    )  # fmt: skip
