"""The smoke test over a light chain: with a champion, without one, refused, and with an article that is not read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pymupdf
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from journalclip import Health, Hit, Me, Results, SearchAnswer, Served, ServerRefused
from journalclip_catalogue.handler import Projector
from journalclip_catalogue.loop import catch_up
from journalclip_catalogue.migrate import upgrade
from journalclip_devtools.faults.chain import STAGES, Chain, article_bytes
from journalclip_devtools.smoke_article import write
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations import smoke
from journalclip_pipelines.operations.smoke import Article, Smoke, Step, drawn
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.engine import open_engine
from journalclip_shared.consume import Loop, LoopSettings
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import PairsStructured
from journalclip_shared.history import facts_of
from journalclip_shared.testing.memory import MemoryArtifacts, MemoryBus, MemoryRegistry

QUICK = LoopSettings(attempts=1, backoff_s=0.0, poll_s=0.0, commit_s=0.0, heartbeat_s=0.2)
SERVED = Served(model_id="mdl_a", version="1", dataset_id="ds_a", index_id="idx_a")


def answer(hits: list[Hit]) -> Results:
    told: dict[str, Any] = {"served": SERVED, "pairs": len(hits), "mode": "best", "facets": {}, "hits": hits}
    return Results(SearchAnswer.model_construct(**told))


@dataclass
class Page:
    """A server: who may come in, which model serves, and whether what is structured is found and explained."""

    chain: Chain
    served: Served | None = SERVED
    refuses: bool = False
    finds: bool = True
    explains: bool = True
    asked: list[str] = field(default_factory=list)

    def me(self) -> Me:
        if self.refuses:
            raise ServerRefused(401, "token-unknown", "nobody has this token", "")
        return Me(name="admin", role="admin")

    def health(self, empty: bool = False) -> Health:
        assert empty
        return Health(status="ok", served=self.served)

    def search(self, text: str) -> Results:
        self.asked.append(text)
        facts = facts_of(self.chain.bus, PairsStructured)
        found: list[dict[str, Any]] = [{"pair_id": "pair_a", "article_id": each.article_id} for each in facts]
        hits = [Hit.model_construct(**each) for each in found]
        return answer(hits if self.finds else [])

    def explain(self, wanted: str) -> dict[str, object]:
        facts = list(facts_of(self.chain.bus, PairsStructured))
        return {"id": wanted, "figure": {"article": {"article_id": facts[-1].article_id if self.explains else "art_x"}}}


@dataclass
class World:
    """A chain that works while the test waits, and a clock that waiting moves."""

    chain: Chain
    page: Page
    engine: Engine
    works: bool = True
    now: float = 0.0
    taken: list[str] = field(default_factory=list)
    take: Callable[[str], None] | None = None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self.works and any(Loop(self.chain.bus, self.chain.handler(stage), QUICK).drain() for stage in STAGES):
            pass

    def catalogue(self) -> Catalogue:
        catch_up(self.chain.bus, Projector(self.engine, self.chain.store))
        return Catalogue(self.engine)

    def run(self, article: Article) -> dict[str, Step]:
        take = self.take or self.taken.append
        chain = self.chain
        smoke = Smoke(chain.store, chain.bus, self.page, self.catalogue, take, 60, lambda: self.now, self.sleep)
        return {step.name: step for step in smoke.run(article)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    chain = Chain(MemoryBus(), MemoryArtifacts(), MemoryRegistry())
    engine = open_engine(f"sqlite:///{tmp_path / 'catalogue.db'}")
    upgrade(engine)
    return World(chain, Page(chain), engine)


@pytest.fixture
def article(tmp_path: Path) -> Article:
    path = tmp_path / "smoke-1.pdf"
    path.write_bytes(article_bytes(1))
    return Article(path, "Axial CT of case 1-0")


def outcomes(steps: dict[str, Step]) -> dict[str, str]:
    return {name: step.outcome for name, step in steps.items()}


def test_an_article_goes_in_is_found_explained_and_taken_out(world: World, article: Article) -> None:
    steps = world.run(article)
    assert outcomes(steps) == dict.fromkeys(("sign in", "drop", "read", "find", "explain", "take out"), "done")
    assert steps["read"].said.startswith("2 pairs")
    assert set(world.page.asked) == {article.caption}
    assert len(world.taken) == 1
    assert world.taken[0] in steps["drop"].said


def test_without_a_champion_it_says_what_is_missing_and_fails_nothing(world: World, article: Article) -> None:
    world.page.served = None
    steps = world.run(article)
    assert outcomes(steps) == {
        "sign in": "done", "drop": "done", "read": "done", "find": "missing", "take out": "done",
    }  # fmt: skip
    assert "freeze_new_pairs" in steps["find"].said
    assert not world.page.asked


def test_a_caller_who_is_refused_drops_nothing(world: World, article: Article) -> None:
    world.page.refuses = True
    steps = world.run(article)
    assert outcomes(steps) == {"sign in": "failed"}
    assert "nobody has this token" in steps["sign in"].said
    assert list(world.chain.store.list_manifests("articles")) == []


@pytest.mark.parametrize(("broken", "where"), [("finds", "segments"), ("explains", "does not name")])
def test_what_is_not_found_or_not_explained_fails_and_is_taken_out(
    world: World, article: Article, broken: str, where: str
) -> None:
    setattr(world.page, broken, False)
    steps = world.run(article)
    failed = [step for step in steps.values() if step.outcome == "failed"]
    assert len(failed) == 1
    assert where in failed[0].said
    assert len(world.taken) == 1


def test_a_quarantined_article_is_told_with_its_code(world: World, article: Article) -> None:
    article.path.write_bytes(article_bytes(1, figures=0))
    steps = world.run(article)
    assert steps["read"].outcome == "failed"
    assert "no-figures" in steps["read"].said
    assert steps["take out"].outcome == "done"


def test_services_that_do_not_work_are_named(world: World, article: Article) -> None:
    world.works = False
    steps = world.run(article)
    assert "extraction and structuring" in steps["read"].said


def test_a_catalogue_that_is_behind_is_waited_for(world: World, article: Article) -> None:
    asked: list[str] = []

    def behind(article_id: str) -> None:
        asked.append(article_id)
        if len(asked) < 3:
            raise PermanentError("unknown-id", "nothing here is called so")

    world.take = behind
    assert world.run(article)["take out"].outcome == "done"
    assert len(asked) == 3


def test_the_article_is_another_one_each_time_and_says_what_is_searched_for(tmp_path: Path) -> None:
    one, other = drawn(tmp_path, 1), drawn(tmp_path, 2)
    data = one.path.read_bytes()
    assert data != other.path.read_bytes()
    assert len(data) == len(other.path.read_bytes())  # or its cross-reference table would be wrong
    assert data.count(b"case 0000000001") == 1
    assert "0000000001" in one.caption


def test_the_page_in_the_package_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    """As it is printed: its bytes name fonts by how many documents the process has drawn before."""
    write(tmp_path / "again.pdf")
    assert printed(tmp_path / "again.pdf") == printed(Path(smoke.__file__).parent / "data" / "smoke.pdf")


def printed(path: Path) -> list[tuple[str, bytes]]:
    """Text and pixels of each page."""
    with pymupdf.open(path) as document:
        return [(str(page.get_text()), page.get_pixmap(dpi=72).samples) for page in document]


class Nobody:
    """A server that is not there."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> Nobody:
        return self

    def __exit__(self, *_: object) -> None: ...

    def me(self) -> Me:
        raise httpx.ConnectError("nobody answers")


def test_the_command_ends_with_three_where_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journalclip.Client", Nobody)
    result = CliRunner().invoke(app, ["smoke", "--workdir", str(tmp_path), "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout) == [{"step": "sign in", "outcome": "failed", "said": "nobody answers"}]
