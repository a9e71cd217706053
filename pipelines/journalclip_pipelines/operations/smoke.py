"""A smoke test: one drawn article through a whole installation, from signing in to explaining a hit, and out again.

It uses what people and services use: the HTTP client, the submission, the log, the withdrawal. The article is erased at
the end, so that it is in no later dataset and in no answer. An installation without a champion cannot search yet; then
the test ends when the article's pairs are written, and says what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import httpx

from journalclip import ClientError, Health, Me, Results
from journalclip_intake.articles import submit
from journalclip_shared.artifacts import ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.catalogue import Catalogue, SourceRow
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json

_EVERY_S = 5.0
_NUMBER = b"0123456789"  # in the uncompressed text of data/smoke.pdf, as long as every other
T = TypeVar("T")


class Server(Protocol):
    """What is asked of the page's server; `journalclip.Client` is one."""

    def me(self) -> Me: ...

    def health(self, empty: bool = False) -> Health: ...

    def search(self, text: str) -> Results: ...

    def explain(self, wanted: str) -> dict[str, object]: ...


@dataclass(frozen=True)
class Step:
    """One thing that was tried. ``missing``: it cannot be had yet, which is no failure."""

    name: str
    outcome: Literal["done", "missing", "failed"]
    said: str

    def as_json(self) -> Json:
        return {"step": self.name, "outcome": self.outcome, "said": self.said}


@dataclass(frozen=True)
class Article:
    """A drawn article: its file, and a caption of it to search for."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Smoke:
    """The test over one installation; ``take_out`` withdraws and erases an article by its id.

    ``catalogue`` gives one that knows what the log says now, or will soon.
    """

    store: ArtifactStore
    bus: Bus
    server: Server
    catalogue: Callable[[], Catalogue]
    take_out: Callable[[str], None]
    wait_s: float = 600.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, article: Article) -> Iterator[Step]:
        """Each step as it ends; none follows one that failed, but the article is taken out whatever happened."""
        try:
            who = self.server.me()
        except (ClientError, httpx.TransportError) as error:
            yield Step("sign in", "failed", str(error))
            return
        yield Step("sign in", "done", f"signed in as {who.name}, {who.role}")
        done = submit(self.store, self.bus, article.path)
        yield Step("drop", "done", f"{done.name} is submitted as {done.article_id}")
        try:
            yield from self._followed(done.article_id, article)
        except (ClientError, PermanentError, httpx.TransportError) as error:
            yield Step("find", "failed", str(error))
        finally:
            taken = self._until(lambda: self._taken(done.article_id))
        if taken:
            yield Step("take out", "done", f"{done.article_id} is withdrawn and erased")
        else:
            yield Step("take out", "failed", f"the catalogue does not know {done.article_id}: look at its pod")

    def _taken(self, article_id: str) -> bool | None:
        """True once it is done; None while the catalogue is behind the log."""
        try:
            self.take_out(article_id)
        except PermanentError as error:
            if error.code != "unknown-id":
                raise
            return None
        return True

    def _followed(self, delivery_id: str, article: Article) -> Iterator[Step]:
        row = self._until(lambda: self._read(delivery_id))
        if row is None:
            said = f"no pairs within {self.wait_s:.0f} s: look at the extraction and structuring pods"
            yield Step("read", "failed", said)
            return
        if row.state == "quarantined":
            yield Step("read", "failed", f"quarantined in {row.stage}: {row.reason} ({row.code})")
            return
        article_id = self.catalogue().came_in(delivery_id)[0]
        yield Step("read", "done", f"{row.pairs} pairs were extracted and structured")
        if self.server.health(empty=True).served is None:
            yield Step("find", "missing", "no model is champion yet: " + _NEXT)
            return
        hit = self._until(lambda: self._hit(article_id, article.caption))
        if hit is None:
            said = f"not found within {self.wait_s:.0f} s: look at the index and segments pods (segments.replicas)"
            yield Step("find", "failed", said)
            return
        yield Step("find", "done", f"found as {hit}")
        steps = self.server.explain(hit)
        if article_id in str(steps):
            yield Step("explain", "done", f"{hit} is explained back to {article_id}")
        else:
            yield Step("explain", "failed", f"the explanation of {hit} does not name {article_id}")

    def _read(self, delivery_id: str) -> SourceRow | None:
        """The delivery, once its pairs are written or it is in quarantine."""
        row = self.catalogue().source(delivery_id)
        return row if row is not None and row.state in ("structured", "quarantined") else None

    def _hit(self, article_id: str, caption: str) -> str | None:
        found = self.server.search(caption)
        return next((hit.pair_id for hit in found.answer.hits if hit.article_id == article_id), None)

    def _until(self, ask: Callable[[], T | None]) -> T | None:
        """What ``ask`` answers as soon as it does; None after ``wait_s``."""
        end = self.clock() + self.wait_s
        while (found := ask()) is None and self.clock() < end:
            self.sleep(_EVERY_S)
        return found


_NEXT = (
    "give it articles; after freeze_new_pairs new pairs (freezing.settings) or freeze_every_s a dataset is frozen, "
    "a model is trained, and promotion's gates decide. `journalclip models list` shows candidates."
)


def drawn(folder: Path, seed: int) -> Article:
    """One article below ``folder``: a page that was drawn once, with the case number that ``seed`` gives (below 10^10).

    Another number makes other text, so it is another article: the last one's was erased and may not come again.
    """
    number = f"{seed:010d}".encode()
    data = files(__package__).joinpath("data", "smoke.pdf").read_bytes().replace(_NUMBER, number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"smoke-{seed}.pdf"
    path.write_bytes(data)
    return Article(path, f"axial CT of case {seed:010d} with a hyperdense right frontal lesion")
