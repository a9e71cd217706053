"""The whole chain with light ends: real handlers in the middle, a reader and a trainer that cost nothing.

Submission, extraction's handler, structuring by rules, freezing and all of bus, store and loop are the product's own.
What is stood in for is what takes time or a model: reading a PDF (an article here is one line that says what it holds),
training (a few bytes as weights) and promotion (every new model becomes champion, and says so once).
"""

from __future__ import annotations

import fcntl
import io
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

from PIL import Image

from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadDelivery, ReadFigure
from journalclip_extraction.handler import ExtractionHandler
from journalclip_freezing import FreezeOptions
from journalclip_freezing.handler import Freezer, FreezeRule, FreezingHandler
from journalclip_intake.articles import submit
from journalclip_promotion.decision import Candidate, Decision, Outcome
from journalclip_promotion.ledger import Ledger
from journalclip_shared import names, withdrawals
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.bus import Bus
from journalclip_shared.consume import Handler, Loop
from journalclip_shared.errors import PermanentError, TransientError
from journalclip_shared.events import (
    DatasetFrozen,
    Event,
    Fact,
    ModelPromoted,
    ModelTrained,
    PairsStructured,
    TrainingRequested,
)
from journalclip_shared.failpoints import hit
from journalclip_shared.history import events_of
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.records.article import ArticleFacts, Box
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_shared.records.review import ReviewDecision
from journalclip_shared.records.withdrawal import Withdrawal
from journalclip_shared.registry import Alias, ModelRegistry, ModelVersion
from journalclip_shared.reviews import write_decision
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry
from journalclip_structuring.handler import StructuringHandler
from journalclip_structuring.rules import RuleStructurer
from journalclip_training.requests import DefaultTraining

STAGES = ("extraction", "structuring", "freezing", "training", "promotion")
_SITES = ("frontal", "parietal", "temporal", "occipital", "cerebellar")


def article_bytes(number: int, figures: int = 2) -> bytes:
    """An article for `LineReader`; without figures it will be quarantined."""
    return f"%line {number} {figures}".encode()


def figures_of(number: int, quarantined: Container[int] = ()) -> int:
    """How many figures the article of that number has: one to three, or none where it is to end in quarantine."""
    return 0 if number in quarantined else 1 + number % 3


class LineReader:
    """A `Reading` of one-line articles: deterministic figures, or the error that the line asks for."""

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        words = data.decode("utf-8", "replace").split()
        if len(words) != 3 or words[0] != "%line":
            raise PermanentError("pdf-invalid", "this is not an article", "Send an article.")
        number, figures = int(words[1]), int(words[2])
        article = ReadArticle(
            1, ArticleFacts(), tuple(_figure(number, each) for each in range(figures)), digest=str(number)
        )
        return ReadDelivery((article,), 1)


def _figure(number: int, place: int) -> ReadFigure:
    picture = Image.new("L", (8, 8))
    picture.putdata([(number * 7919 + place * 104_729 + pixel * 31) % 256 for pixel in range(64)])
    out = io.BytesIO()
    picture.save(out, "PNG")
    site = _SITES[(number + place) % len(_SITES)]
    return ReadFigure(
        number=str(place + 1),
        label=f"FIG. {place + 1}.",
        caption=f"Axial CT of case {number}-{place} showing a {site} haematoma.",
        caption_page=1,
        page=1,
        box=Box(x0=0, y0=0, x1=8, y1=8),
        crop=Crop(out.getvalue(), "image/png", 8, 8),
        # Far apart, so that no two figures are near-duplicates of each other.
        phash=sha256_hex(f"{number}/{place}".encode())[:16],
    )


class LightTraining:
    """`DatasetFrozen` in, a request out; the request in, `ModelTrained` out. The model is a few bytes that depend on
    the dataset only."""

    group = names.group("training", "articles")
    consumes: tuple[type[Fact], ...] = (DatasetFrozen, TrainingRequested)

    def __init__(self, store: ArtifactStore, registry: ModelRegistry) -> None:
        self._store, self._registry = store, registry

    def handle(self, event: Event) -> Iterable[Fact]:
        if isinstance(event.fact, DatasetFrozen):
            yield from DefaultTraining("articles", "light").answer(event.fact)
            return
        if not isinstance(event.fact, TrainingRequested):
            raise TypeError(f"{type(event.fact).__name__} is not for training")
        model_id = make_id("mdl", event.fact.dataset_id)
        weights = self._store.put("models", model_id.encode(), "application/octet-stream")
        manifest = ModelManifest(
            model_id=model_id,
            dataset_id=event.fact.dataset_id,
            dataset=event.fact.manifest,
            recipe="light",
            config="{}",
            base="scratch:0",
            files=(ModelFile(path="model.safetensors", ref=weights),),
            kind="articles",
        )
        hit("training.trained")
        ref = self._store.put_manifest("models", f"trained/{model_id}", manifest.canonical())
        version = self._registry.register(model_id, ref, "", {})
        hit("training.registered")
        yield ModelTrained(
            model_id=model_id,
            dataset_id=event.fact.dataset_id,
            manifest=ref,
            version=version.version,
            kind="articles",
        )


class LightPromotion:
    """`ModelTrained` in, `ModelPromoted` out, by the product's ledger; every model passes and is decided about once."""

    group = names.group("promotion", "articles")
    consumes: tuple[type[Fact], ...] = (ModelTrained,)

    def __init__(self, store: ArtifactStore, registry: ModelRegistry) -> None:
        self._ledger, self._registry = Ledger(store, names.ledger("articles")), registry

    def handle(self, event: Event) -> Iterable[Fact]:
        """Raises `Overtaken` (transient) where another decision took the number."""
        if not isinstance(event.fact, ModelTrained):
            raise TypeError(f"{type(event.fact).__name__} is not for promotion")
        self.recover()
        candidate = Candidate(
            version=event.fact.version,
            model_id=event.fact.model_id,
            dataset_id=event.fact.dataset_id,
            manifest=event.fact.manifest,
            kind="articles",
        )
        entry = self._ledger.answer(candidate.model_id) or self._decide(candidate, "promoted", "event")
        hit("promotion.done")
        return [entry.fact()]

    def roll_back(self) -> ModelPromoted | None:
        """The model before the champion becomes champion; None where there is none. Raises as `handle`."""
        self.recover()
        last = self._ledger.last()
        if last is None or last.previous is None:
            return None
        return self._decide(last.previous, "rolled-back", "person").fact()

    def recover(self) -> None:
        """Finish what the last entry began."""
        last = self._ledger.last()
        if last is None or last.champion is None:
            return
        self._registry.set_alias("champion", last.champion.version)
        if last.trigger == "event":
            self._ledger.set_answer(last)

    def _decide(self, target: Candidate, outcome: Outcome, trigger: Literal["event", "person"]) -> Decision:
        last = self._ledger.last()
        entry = Decision(
            sequence=last.sequence + 1 if last else 1,
            outcome=outcome,
            trigger=trigger,
            candidate=target,
            who="test",
            when="",
            champion=target,
            previous=last.champion if last else None,
        )
        hit("promotion.decided")
        self._ledger.append(entry)
        self.recover()
        hit("promotion.champion")
        return entry


class EagerFreezing(FreezingHandler):
    """Freezes after each event instead of by the clock, so that a test knows when."""

    def __init__(self, freezer: Freezer) -> None:
        super().__init__(freezer)
        self._own = freezer

    def handle(self, event: Event) -> Iterable[Fact]:
        super().handle(event)
        facts = self._own.tick()
        self._own.acknowledge(facts)
        return facts


@dataclass
class Chain:
    """Everything of one system, and a fresh handler for each stage as after a restart."""

    bus: Bus
    store: ArtifactStore
    registry: ModelRegistry
    rule: FreezeRule = field(default_factory=lambda: FreezeRule(new_pairs=6))

    def handler(self, stage: str) -> Handler:
        made: dict[str, Callable[[], Handler]] = {
            "extraction": lambda: ExtractionHandler(self.store, LineReader(), ExtractOptions()),
            "structuring": lambda: StructuringHandler(self.store, RuleStructurer()),
            "freezing": lambda: EagerFreezing(self.freezer()),
            "training": lambda: LightTraining(self.store, self.registry),
            "promotion": self.promotion,
        }
        return made[stage]()

    def promotion(self) -> LightPromotion:
        return LightPromotion(self.store, self.registry)

    def roll_back(self) -> bool:
        """Roll the champion back and announce it; False where there is nothing to go back to."""
        fact = self.promotion().roll_back()
        if fact is not None:
            self.bus.publish([Event(fact, "test")])
        return fact is not None

    def say(self, article: str, action: Literal["withdraw", "reinstate"]) -> None:
        """A steward's word about an article, stored and announced."""
        word = Withdrawal(
            scope="article",
            subject=article,
            sequence=1,
            action=action,
            reason="licence" if action == "withdraw" else None,
            who="a steward",
            time="2026-01-01T00:00:00Z",
        )
        document, ref = withdrawals.write_withdrawal(self.store, word)
        self.bus.publish([Event(withdrawals.fact_of(document, ref), "test")])

    def freezer(self) -> Freezer:
        options = FreezeOptions(image_size=8)
        return Freezer(self.store, self.rule, lambda: events_of(self.bus, PairsStructured), options)

    def drop(self, folder: Path, number: int, figures: int = 2) -> Path:
        """Write an article where `submit` can read it."""
        path = folder / f"issue-{number}.pdf"
        path.write_bytes(article_bytes(number, figures))
        return path


def undisturbed(
    folder: Path,
    numbers: Iterable[int],
    quarantined: Container[int] = (),
    reviews: Iterable[ReviewDecision] = (),
) -> str:
    """The dataset's id by the same handlers on the fakes: local mode and cluster are one system."""
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry())
    folder.mkdir(parents=True)
    for number in numbers:
        submit(chain.store, chain.bus, chain.drop(folder, number, figures_of(number, quarantined)))
    while any(Loop(chain.bus, chain.handler(stage)).drain() for stage in STAGES[:2]):
        pass
    for each in reviews:
        write_decision(chain.store, each)
    return frozen_in(chain.freezer().flush())[-1].dataset_id


def frozen_in(facts: Iterable[Fact]) -> list[DatasetFrozen]:
    return [fact for fact in facts if isinstance(fact, DatasetFrozen)]


class FolderRegistry:
    """`ModelRegistry` in one JSON file: survives a kill and needs no server, for processes that fault tests kill."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._lock_path = folder / "registry.json", folder / "registry.lock"

    def register(self, model_id: str, manifest: ArtifactRef, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        with self._changed() as state:
            for version in state["versions"]:
                if version["model_id"] == model_id:
                    return _version(version)
            made: _Registered = {
                "version": str(len(state["versions"]) + 1),
                "model_id": model_id,
                "manifest": manifest.model_dump(mode="json"),
                "run_id": run_id,
                "tags": dict(tags),
            }
            state["versions"].append(made)
            return _version(made)

    def versions(self) -> list[ModelVersion]:
        with self._changed() as state:
            return [_version(each) for each in state["versions"]]

    def by_alias(self, alias: Alias) -> ModelVersion | None:
        with self._changed() as state:
            wanted = state["aliases"].get(alias)
            return next((_version(each) for each in state["versions"] if each["version"] == wanted), None)

    def set_alias(self, alias: Alias, version: str) -> None:
        with self._changed() as state:
            state["aliases"][alias] = _known(state, version)["version"]

    def drop_alias(self, alias: Alias) -> None:
        with self._changed() as state:
            state["aliases"].pop(alias, None)

    def tag(self, version: str, key: str, value: str) -> None:
        with self._changed() as state:
            _known(state, version)["tags"][key] = value

    @contextmanager
    def _changed(self) -> Iterator[_State]:
        with self._lock_path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            empty: _State = {"versions": [], "aliases": {}}
            state: _State = json.loads(self._path.read_text()) if self._path.exists() else empty
            yield state
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(state))
            temporary.replace(self._path)


class _State(TypedDict):
    versions: list[_Registered]
    aliases: dict[Alias, str]


class _Registered(TypedDict):
    version: str
    model_id: str
    manifest: dict[str, str | int]
    run_id: str
    tags: dict[str, str]


def _known(state: _State, version: str) -> _Registered:
    found = next((each for each in state["versions"] if each["version"] == version), None)
    if found is None:
        raise TransientError(f"model registry: no version {version}")
    return found


def _version(stored: _Registered) -> ModelVersion:
    manifest = ArtifactRef.model_validate(stored["manifest"])
    return ModelVersion(stored["version"], stored["model_id"], manifest, stored["run_id"], stored["tags"])
