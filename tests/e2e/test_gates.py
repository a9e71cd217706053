"""The real gates on real models: five bad candidates, each refused by name, then a better one, and the way back.

Everything is what an installation runs: frozen records, signed manifests, the handler with the real bench, MLflow's
registry, the report and the card, serving's own reloader.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from journalclip_devtools.faults.teachable_models import CARD, School, freeze_squares, shape_lessons, taught
from journalclip_inference.handler import FigureIndexer, IndexHandler
from journalclip_inference.index.coverage import StructuredSources
from journalclip_inference.reload import CurrentSnapshot, Reloader
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.installation import Installation
from journalclip_promotion.decision import Decision
from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.settings import PromotionSettings
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, Fact, ModelPromoted, ModelTrained
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.signing import load_signer
from journalclip_training.tracking import Lineage, MlflowTracking

pytestmark = pytest.mark.slow  # the contract suite promotes through the real gates in `make test`

GATES = """
signature: required
improvement: {metric: r5, over_champion: {demand: better}, over_start: {demand: better}}
general: {suite: synthetic-shapes, max_drop: 0.4}
licences: {max_share: {all rights reserved: 0.0}}
"""


@dataclass
class Society:
    """A working folder in which candidates were put through the gates, and what was decided about each."""

    root: Path
    decisions: dict[str, Decision]

    def command(self, *words: str, code: int = 0) -> Result:
        done = CliRunner(env={"COLUMNS": "250"}).invoke(
            app, [*words, "--workdir", str(self.root)], catch_exceptions=False
        )
        assert done.exit_code == code, done.output
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.command(*words, "--json", code=code).stdout.splitlines()[-1])


def settings_of(root: Path) -> PromotionSettings:
    return PromotionSettings(workdir=root, gates=str(root / "gates.yaml"))


def decide(there: Installation, event: ModelTrained) -> Decision:
    promoter = there.promoter()
    facts: list[Fact] = list(PromotionHandler(promoter, "articles", there.runs).handle(Event(event, "test")))
    there.bus.publish([Event(fact, "promotion") for fact in facts])
    indexer = FigureIndexer(there.store, there.settings.workdir / "cache")
    index = IndexHandler(there.store, indexer, StructuredSources(there.bus, "articles"))
    for fact in facts:
        list(index.handle(Event(fact, "test")))
    found = promoter.ledger.answer(event.model_id)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def society(tmp_path_factory: pytest.TempPathFactory) -> Society:
    root = tmp_path_factory.mktemp("society")
    (root / "gates.yaml").write_text(GATES)
    there = Installation(settings_of(root), "articles")
    assert not list(there.bus.read(ModelPromoted.topic))
    runs = MlflowTracking(f"sqlite:///{root / 'mlflow.db'}", "journalclip")
    store, registry = there.store, there.registry
    school = School(store, registry, load_signer(None, root / "keys"), root / "scratch", freeze_squares(store, 96))
    replay = [*school.domain(), *shape_lessons(96)]
    good = taught(school.start, replay, 70)
    better = taught(good, replay, 230)
    run = runs.open("mdl_good", {}, Lineage("ds", "0" * 36, "", 1))
    decided = {"good": decide(there, school.register("good", good, run_id=run))}
    decided["worse"] = decide(there, school.register("worse", taught(school.start, replay, 4)))
    decided["leaking"] = decide(there, school.register("leaking", better, dataset=leaking(store, school.dataset)))
    decided["forgetful"] = decide(there, school.register("forgetful", taught(good, school.domain(), 260, lr=4e-3)))
    event = school.register("tampered", better)
    decided["tampered"] = with_a_flipped_bit(there, event)
    decided["unsigned"] = decide(there, school.register("unsigned", better, signed=False))
    decided["cardless"] = decide(there, school.register("cardless", better, card={**CARD, "risks": "\n"}))
    decided["better"] = decide(there, school.register("better", better))
    return Society(root, decided)


def leaking(store: ArtifactStore, honest: ArtifactRef) -> ArtifactRef:
    """The test split holds training pairs, and the manifest does not say so."""
    manifest = DatasetManifest.model_validate_json(store.get(honest))
    splits = {**manifest.splits, "test": manifest.splits["train"]}
    lie = manifest.model_copy(update={"dataset_id": "ds_lie", "splits": splits})
    assert lie.leaks.total == 0
    return store.put_manifest("datasets", "frozen/ds_lie", lie.canonical())


def with_a_flipped_bit(there: Installation, event: ModelTrained) -> Decision:
    """Decided while one bit of the weights in the store is another; afterwards the bit is put back."""
    store = there.store
    assert isinstance(store, LocalArtifacts)
    model = ModelManifest.model_validate_json(store.get(event.manifest))
    path = store.path(next(file.ref for file in model.files if file.path == "model.safetensors"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    found = decide(there, event)
    path.write_bytes(whole)
    return found


@pytest.mark.parametrize(
    ("name", "gate", "reason"),
    [
        ("worse", "improvement", "against the champion"),
        ("leaking", "leaks", "in more than one split, nothing as stated"),
        ("forgetful", "general", "accuracy on synthetic-shapes"),
        ("tampered", "integrity", ""),
        ("unsigned", "signature", "the manifest is not signed"),
        ("cardless", "card", "empty: risks"),
    ],
)
def test_bad_candidate_is_refused_by_the_gate_it_fails(society: Society, name: str, gate: str, reason: str) -> None:
    decision = society.decisions[name]
    assert decision.outcome == "refused"
    assert gate in decision.failed
    if name != "worse":  # it learnt too little, so it may have forgotten as little or as much as it likes
        assert set(decision.failed) <= {gate, "improvement"}
    verdict = next(each for each in decision.verdicts if each.gate == gate)
    assert verdict.reason
    assert reason in verdict.reason
    assert decision.champion == society.decisions["good"].candidate


def test_good_candidates_pass_every_gate(society: Society) -> None:
    for name in ("good", "better"):
        decision = society.decisions[name]
        assert decision.outcome == "promoted"
        assert [each.gate for each in decision.verdicts] == [
            "integrity", "signature", "leaks", "card", "licences", "size", "improvement", "latency", "general",
        ]  # fmt: skip
    assert society.decisions["better"].previous == society.decisions["good"].candidate


def test_report_and_card_are_with_the_decision_and_in_the_run(society: Society) -> None:
    there = Installation(settings_of(society.root), "articles")
    decision = society.decisions["good"]
    assert decision.report is not None
    assert decision.card is not None
    html, card = (there.store.get(ref).decode() for ref in (decision.report, decision.card))
    for heading in ("Gates", "Paired differences", "By modality", "Best and worst", "Gained and forgotten"):
        assert f"<h2>{heading}</h2>" in html
    assert "<script" not in html
    assert "## By modality (subgroups)" in card
    assert "| improvement | passed |" in card
    [listed] = [each for each in there.registry.versions() if each.model_id == decision.candidate.model_id]
    logged = list((society.root / "mlartifacts").rglob("report.html"))
    assert any(path.read_text() == html and listed.run_id in str(path) for path in logged)
    assert len(logged) == 4  # good, worse, forgetful, better: the others were refused before they were measured


def test_commands_tell_what_happened(society: Society) -> None:
    listed = {each["model"]: each for each in society.json("models", "list")}
    champion = listed[society.decisions["better"].candidate.model_id]
    assert champion["aliases"] == ["champion", "candidate"]
    assert champion["who"] == "promotion-articles"
    entries = society.json("models", "history")
    assert [each["outcome"] for each in entries] == ["promoted", *["refused"] * 6, "promoted"]
    told = society.json("models", "explain", "3")
    assert told["decisions"][0]["verdicts"][-1]["gate"]
    assert "REFUSED" in society.command("models", "explain", "4").stdout
    compared = society.json("models", "compare", "previous", "champion")
    assert compared["differences"]["strict"]["mrr"]["mean"] > 0
    for words in (["models", "list"], ["models", "history"], ["models", "compare", "1", "champion"]):
        assert society.command(*words).stdout


def test_written_report_is_the_decisions_own(society: Society, tmp_path: Path) -> None:
    found = society.json("models", "report", "champion", "--to", str(tmp_path))
    report = society.decisions["better"].report
    assert report is not None
    store = Installation(settings_of(society.root), "articles").store
    assert Path(found["written"][0]).read_bytes() == store.get(report)
    with pytest.raises(PermanentError, match="has no report"):
        society.json("models", "report", "3")


def test_evaluate_writes_logs_and_prints_tables(society: Society, tmp_path: Path) -> None:
    report, card = tmp_path / "report.html", tmp_path / "card.md"
    words = ["evaluate", "candidate", "--general", "synthetic-shapes", "--table", "cns-clip", "--table", "selip"]
    found = society.json(*words, "--report", str(report), "--card", str(card), "--log")
    assert set(found["retrieval"]) == {"its start", "this model"}  # it is the champion itself
    protocols = [each["protocol"] for each in found["suites"]["synthetic-shapes"]["models"]["its start"]]
    assert protocols == ["zero-shot", "linear-probe", "fine-tune"]
    changes = found["suites"]["synthetic-shapes"]["differences"]["its start"]
    assert {each["protocol"] for each in changes} == set(protocols)
    assert set(found["forgetting"]["points"]) == {"its start", "this model"}
    assert found["tables"]["cns-clip"]["rows"][0]["published"].startswith("24.56 %")
    assert "<h2>Six drawn shapes</h2>" in report.read_text()
    assert "model-index" in card.read_text()
    assert found["logged_to"]
    folder = f"evaluation/{found['dataset']}-test"
    assert len(list((society.root / "mlartifacts").glob(f"*/artifacts/{folder}/*"))) == 2
    plain = society.command("evaluate", "1", "--table", "selip").stdout
    assert "the champion" in plain
    assert "value not readable" in plain


def test_rollback_reaches_serving_which_verifies_first(society: Society, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(society.root, root)
    there = Installation(settings_of(root), "articles")
    mine, holder = Society(root, society.decisions), CurrentSnapshot()
    reloader = Reloader(there.store, there.registry, root / "cache", holder)
    assert reloader.check(), reloader.problem
    assert holder.take().served.version == society.decisions["better"].candidate.version
    back = mine.json("models", "rollback", "--why", "complaints", "--by", "ada")
    assert (back["outcome"], back["who"], back["why"]) == ("rolled-back", "ada", "complaints")
    assert reloader.check(), reloader.problem
    good = society.decisions["good"].candidate
    assert holder.take().served.version == good.version
    # Forward again to bytes that were changed meanwhile: promotion refuses, and serving would as well.
    model = ModelManifest.model_validate_json(there.store.get(society.decisions["better"].candidate.manifest))
    assert isinstance(there.store, LocalArtifacts)
    there.store.path(model.files[0].ref).write_bytes(b"{}")
    with pytest.raises(PermanentError, match="no longer verifies"):
        mine.json("models", "rollback", "--why", "forward")
    shutil.rmtree(root / "cache")
    there.registry.set_alias("champion", society.decisions["better"].candidate.version)  # somebody's hand
    assert not reloader.check()
    assert reloader.problem
    assert holder.take().served.version == good.version
    assert "aliases set" in mine.command("models", "reconcile").stdout
    [healed] = [each for each in mine.json("models", "reconcile") if each["kind"] == "articles"]
    assert healed == {"kind": "articles", "aliases": False, "announced": None, "filed": []}


def test_promote_names_the_gate_and_exits_with_3(society: Society) -> None:
    refused = society.json("models", "promote", "2", "--why", "please", code=3)
    assert refused["trigger"] == "person"
    assert "REFUSED" not in society.command("models", "explain", "champion").stdout
    with pytest.raises(PermanentError, match="no version"):
        society.json("models", "explain", "99")
