"""What every kind of source must do, from source to search. A new kind is one more line in `CASES`.

Everything is what a person gets: the local run with the cluster's own handlers, the real gates (no alias is set by
hand), the commands, and the index that serving opens. Sources are synthetic, models are tiny, so scores mean nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from journalclip_freezing import FreezeOptions
from journalclip_freezing.splits import SplitShares
from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_inference.index.coverage import segment_sources
from journalclip_pipelines.cli import app
from journalclip_pipelines.local.articles import LocalArticles
from journalclip_pipelines.local.handlers import RunOptions
from journalclip_pipelines.local.local_kind import LocalKind
from journalclip_pipelines.local.run import RunResult, run
from journalclip_pipelines.local.studies import LocalStudies
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import JsonReporter
from journalclip_pipelines.studies.synthesize import SynthesizeOptions, synthesize_studies
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import ModelTrained, TrainingRequested
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import KINDS, Kind
from journalclip_shared.records.model import ModelManifest
from journalclip_synthetic.journals import write_journals

pytestmark = pytest.mark.timeout(3600)  # of a machine that does twenty other things
SHARES = SplitShares(val=0.1, test=0.4)
# The rules of `local`, but that a model of seconds may be far worse than its start, and a second need not be better.
GATES = """
signature: required
improvement:
  over_start: {demand: not-worse, margin: 0.95}
  over_champion: {demand: not-worse, margin: 0.95}
  one_source: by-pair
cost: {max_latency_ms: 600000}
"""
_TOWERS = ("width=16", "layers=1", "heads=2", "dim=16", "image_size=32")


@dataclass(frozen=True)
class Case:
    """One kind with sources of a few seconds. ``query`` asks the champion and returns ids of what it found."""

    local: LocalKind
    write: Callable[[Path], object]
    write_more: Callable[[Path], object]  # sources that are not among those
    recipe: str
    overrides: tuple[str, ...]
    query: Callable[[Workspace], Sequence[str]]
    id_prefix: str
    key: bytes  # of pseudonyms, so that patients stand in the same splits each time
    pair_of: Callable[[Workspace], str]


def _pairs_of(workspace: Workspace, kind: Kind) -> str:
    from journalclip_pipelines.kinds import source_kind

    of = source_kind(kind)
    fact = next(iter(facts_of(workspace.bus, of.structured)))
    return next(iter(of.read_structured(workspace.store, of.document_of(fact)).pairs))


def _search_figures(workspace: Workspace) -> list[str]:
    from journalclip_inference.engine import SearchEngine

    engine = SearchEngine.open(workspace.store, workspace.registry("articles"), workspace.cache)
    return [hit.pair_id for hit in engine.search("axial CT", k=3)]


def _search_studies(workspace: Workspace) -> list[str]:
    from journalclip_inference.studies.shelf import StudyShelf

    shelf = StudyShelf(workspace.store, workspace.registry("studies"), workspace.cache, None)
    champion = shelf.champion()
    vector = champion.encoder.embed_texts(["FLAIR: hyperintense lesion in the left frontal lobe."])[0]
    return [row.study_id for row, _ in champion.collection.nearest(vector, 3)]


CASES: dict[Kind, Case] = {
    "articles": Case(
        local=LocalArticles(workers=2, layout=FreezeOptions(image_size=64, shares=SHARES)),
        write=lambda folder: write_journals(folder, 4, 0),
        write_more=lambda folder: write_journals(folder, 1, 70),
        recipe="demo",
        overrides=(
            *(f"model.scratch.{each}" for each in _TOWERS), "optim.epochs=1", "optim.batch=16", "data.min_pairs=4",
        ),
        query=_search_figures,
        id_prefix="art_",
        key=b"",
        pair_of=lambda workspace: _pairs_of(workspace, "articles"),
    ),
    "studies": Case(
        local=LocalStudies(grid=(6, 32, 32), layout=StudyFreezeOptions(SHARES)),
        write=lambda folder: synthesize_studies(folder, 8, SynthesizeOptions("nifti", size=40, slices=10)),
        write_more=lambda folder: synthesize_studies(folder, 1, SynthesizeOptions("nifti", 70, 40, 10)),
        recipe="study_demo",
        overrides=("optim.epochs=1", "optim.batch=6", "data.min_studies=2", "model.grid=6,32,32"),
        query=_search_studies,
        id_prefix="std_",
        key=bytes([13]) * 32,
        pair_of=lambda workspace: _pairs_of(workspace, "studies"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """A finished run with the commands over it."""

    kind: Kind
    case: Case
    sources: Path
    workspace: Workspace
    options: RunOptions
    result: RunResult

    def command(self, *words: str, code: int = 0) -> Result:
        done = CliRunner(env={"COLUMNS": "250", "JOURNALCLIP_GATES": self.options.gates}).invoke(
            app, [*words, "--workdir", str(self.workspace.root)], catch_exceptions=False
        )
        assert done.exit_code == code, done.output
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.command(*words, "--json", code=code).stdout.splitlines()[-1])


@pytest.fixture(scope="module", params=KINDS)
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    kind: Kind = request.param
    root = tmp_path_factory.mktemp(kind)
    case, workspace = CASES[kind], Workspace(root / "work")
    case.write(root / "sources")
    if case.key:
        workspace.root.mkdir()
        (workspace.root / "studies.key").write_bytes(case.key)
    (root / "gates.yaml").write_text(GATES)
    options = RunOptions(case.recipe, case.overrides, str(root / "gates.yaml"))
    result = run(workspace, root / "sources", case.local, options, JsonReporter())
    return Done(kind, case, root / "sources", workspace, options, result)


def test_every_kind_has_a_case() -> None:
    assert set(CASES) == set(KINDS)


def test_sources_become_a_dataset_a_model_and_a_champion_by_the_real_gates(done: Done) -> None:
    assert done.result.submitted.new > 0
    assert done.result.dataset is not None
    assert done.result.dataset.kind == done.kind
    champion = done.workspace.registry(done.kind).by_alias("champion")
    assert champion is not None, done.json("models", "history")
    model = ModelManifest.model_validate_json(done.workspace.store.get(champion.manifest))
    assert (model.kind, model.dataset_id) == (done.kind, done.result.dataset.dataset_id)
    (decision,) = done.json("models", "explain", "champion")["decisions"]
    assert decision["outcome"] == "promoted"
    assert decision["trigger"] == "event"
    assert {each["gate"] for each in decision["verdicts"]} >= {
        "integrity", "signature", "leaks", "card", "licences", "size", "improvement", "latency"
    }  # fmt: skip
    improvement = next(each for each in decision["verdicts"] if each["gate"] == "improvement")
    assert {"after", "before", "difference", "low", "high", "limit", "sources"} <= improvement["numbers"].keys()


def test_the_champion_answers_a_query(done: Done) -> None:
    assert done.case.query(done.workspace)


def test_a_second_run_has_nothing_to_do(done: Done) -> None:
    again = run(done.workspace, done.sources, done.case.local, done.options, JsonReporter())
    assert again.work_done == 0


def test_the_commands_of_models_know_the_kind(done: Done, tmp_path: Path) -> None:
    assert {each["kind"] for each in done.json("models", "list")} == {done.kind}
    written = done.json("models", "report", "champion", "--to", str(tmp_path))["written"]
    report = next(Path(path) for path in written if path.endswith(".html"))
    assert "improvement" in report.read_text()
    assert done.json("models", "reconcile") == [
        {"kind": done.kind, "aliases": False, "announced": None, "filed": []}
    ]  # fmt: skip


def test_status_knows_every_source(done: Done) -> None:
    found = done.json("status")
    assert [each["state"] for each in found[done.kind]] == ["structured"] * done.result.submitted.new
    assert all(not found[other] for other in KINDS if other != done.kind)


def test_explain_walks_a_pair_back_to_its_source_and_on_to_the_model(done: Done) -> None:
    pair = done.case.pair_of(done.workspace)
    steps = done.json("explain", pair)
    text = json.dumps(steps)
    assert done.case.id_prefix in text
    (dataset,) = steps["datasets"]
    assert dataset["dataset_id"] == done.result.dataset.dataset_id if done.result.dataset else False
    assert dataset["models"]
    done.command("explain", pair)
    source = done.json("status")[done.kind][0]["source_id"]
    assert done.json("explain", source)["id"] == source
    assert done.json("explain", dataset["dataset_id"])["dataset"]["kind"] == done.kind
    assert done.json("explain", dataset["models"][0]["model_id"])["model"]["kind"] == done.kind


def test_the_audit_is_clean_and_finds_a_lost_file(done: Done, tmp_path: Path) -> None:
    found = done.json("audit")
    assert found["violations"] == []
    assert found[done.kind] == done.result.submitted.new
    assert found["pairs"] > 0
    copy = tmp_path / "copy"
    shutil.copytree(done.workspace.root, copy, ignore=shutil.ignore_patterns("cache"))
    bucket = {"articles": "figures", "studies": "studies"}[done.kind]
    lost = max((copy / "artifacts" / bucket / "sha256").rglob("*.*"), key=lambda path: path.stat().st_size)
    lost.unlink()
    broken = CliRunner().invoke(app, ["audit", "--workdir", str(copy), "--json"])
    assert broken.exit_code == 3
    assert "artifact-missing" in {each["code"] for each in json.loads(broken.stdout)["violations"]}


def test_an_export_writes_every_pair(done: Done, tmp_path: Path) -> None:
    found = done.json("export", str(tmp_path / "out"))
    assert found["pairs"] == done.result.dataset.pairs if done.result.dataset else False
    assert {"croissant.json", "README.md"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_lost_log_is_rebuilt_and_the_champion_announced_again(done: Done, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(done.workspace.root, copy, ignore=shutil.ignore_patterns("cache", "events.db*"))
    SqliteBus(copy / "events.db").close()
    rebuilt = CliRunner().invoke(app, ["rebuild", "--workdir", str(copy), "--json"], catch_exceptions=False)
    counts = json.loads(rebuilt.stdout)
    assert counts["models.promoted.v1"] == counts["models.trained.v1"] == counts["datasets.frozen.v1"] == 1
    audited = CliRunner().invoke(app, ["audit", "--workdir", str(copy), "--json"], catch_exceptions=False)
    assert json.loads(audited.stdout)["violations"] == []
    announced = CliRunner().invoke(app, ["reindex", "--workdir", str(copy), "--json"], catch_exceptions=False)
    assert list(json.loads(announced.stdout)["announced"]) == [done.kind]


def test_a_wrong_recipe_or_an_empty_folder_leaves_nothing(done: Done, tmp_path: Path) -> None:
    fresh, empty = Workspace(tmp_path / "work"), tmp_path / "empty"
    empty.mkdir()
    for folder, recipe, code in (
        (done.sources, "nope", "recipe-unknown"),
        (empty, "nope", "recipe-unknown"),
        (empty, done.case.recipe, "input-empty"),
        (tmp_path / "missing", done.case.recipe, "input-missing"),
    ):
        with pytest.raises(PermanentError) as refused:
            run(fresh, folder, done.case.local, RunOptions(recipe), JsonReporter())
        assert refused.value.code == code
    assert not fresh.root.exists()


def test_a_second_model_has_later_sources_and_rollback_keeps_them_searchable(done: Done, tmp_path: Path) -> None:
    """Last: it changes the champion."""
    first = done.workspace.registry(done.kind).by_alias("champion")
    done.case.write_more(tmp_path / "more")
    other = RunOptions(done.options.recipe, (*done.options.overrides, "seed=1"), done.options.gates)
    assert run(done.workspace, tmp_path / "more", done.case.local, other, JsonReporter()).work_done > 0
    assert len({fact.model_id for fact in facts_of(done.workspace.bus, ModelTrained)}) == 2
    assert len(list(facts_of(done.workspace.bus, TrainingRequested))) == 2
    second = done.workspace.registry(done.kind).by_alias("champion")
    assert first is not None
    assert second is not None
    assert second.version != first.version
    assert done.json("models", "rollback", "--why", "test")["outcome"] == "rolled-back"
    back = done.workspace.registry(done.kind).by_alias("champion")
    assert back is not None
    assert back.version == first.version
    model = ModelManifest.model_validate_json(done.workspace.store.get(back.manifest))
    added = segment_sources(done.workspace.store, model)
    assert added, "what came later is searchable under the former champion"
    assert done.json("audit")["violations"] == []
    for name in list(done.workspace.store.list_manifests("models", "segments/")):
        path = done.workspace.root / "artifacts" / "models" / "manifests" / f"{name}.json"
        path.unlink()
    broken = done.json("audit", code=3)["violations"]
    assert {(each["code"], each["subject"]) for each in broken} == {("source-unsearchable", each) for each in added}
    done.command("reindex")
    assert done.json("audit")["violations"] == []
