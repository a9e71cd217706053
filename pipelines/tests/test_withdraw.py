"""Withdrawing by the command: out of search, pages, datasets and exports, refused at the door, and back again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from journalclip_catalogue.rebuild import check
from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.site import Site, make_site
from journalclip_freezing import FreezeOptions, Lost, freeze
from journalclip_freezing.handler import Freezer, FreezeRule
from journalclip_freezing.studies import StudyFreezeOptions
from journalclip_inference.engine import SearchEngine
from journalclip_intake.articles import submit
from journalclip_modeling.data import FrozenDataset
from journalclip_pipelines.cli import app
from journalclip_pipelines.operations.catalogue import caught_up
from journalclip_pipelines.operations.repair import rebuild
from journalclip_promotion.withdrawn import withdrawn_in
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, Bucket, blob_ref
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import (
    ArticleSubmitted,
    DatasetFrozen,
    Event,
    Fact,
    FiguresExtracted,
    PairsStructured,
    SourceQuarantined,
    SourcesReinstated,
    SourcesWithdrawn,
    StudyStructured,
    StudySubmitted,
    VolumesExtracted,
)
from journalclip_shared.history import facts_of
from journalclip_shared.ids import sha256_hex
from journalclip_shared.records.article import ExtractedArticle
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.study import (
    DeidReport,
    ExtractedStudy,
    ExtractedVolume,
    SealedReport,
    StructuredStudy,
    SubmittedStudy,
)
from journalclip_shared.records.withdrawal import Proposal

WHO = ["--who", "Ada Stone"]
SEALED: tuple[Bucket, Bucket] = ("reports", "vault")


@dataclass
class Folder:
    """A local run's folder over an invented collection, with a server on it."""

    root: Path
    world: World
    documents: list[ArtifactRef] = field(default_factory=list)

    @property
    def store(self) -> LocalArtifacts:
        return LocalArtifacts(self.root / "artifacts")

    @property
    def bus(self) -> SqliteBus:
        return SqliteBus(self.root / "events.db")

    def say(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--workdir", str(self.root)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    def withdraw(self, asked: str, reason: str = "retraction", *more: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            self.say("withdraw", asked, "--reason", reason, *WHO, "--json", *more)
        )
        return found

    def reinstate(self, asked: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            self.say("reinstate", asked, *WHO, "--reason", "an error", "--json")
        )
        return found

    def frozen(self) -> DatasetManifest:
        fact = freeze(self.store, self.documents, FreezeOptions(image_size=32))
        assert fact is not None
        return DatasetManifest.model_validate_json(self.store.get(fact.manifest))


def announce(folder: Folder, articles: Sequence[StructuredArticle]) -> None:
    for article in articles:
        fact = ArticleSubmitted(article_id=article.article_id, pdf=article.pdf, name=article.name)
        structured = folder.store.find_manifest("figures", f"structured/test-1/test-1/{article.article_id}")
        assert structured is not None
        folder.documents.append(structured)
        pairs = len(article.pairs)
        folder.bus.publish(
            [
                Event(fact, "test"),
                Event(
                    FiguresExtracted(article_id=article.article_id, document=article.source, figures=2, panels=2),
                    "test",
                ),
                Event(PairsStructured(article_id=article.article_id, document=structured, pairs=pairs), "test"),
            ]
        )


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Five articles, a model, and the catalogue of them; each test works in a copy."""
    root = tmp_path_factory.mktemp("withdraw") / "work"
    made = Folder(root, small_world(LocalArtifacts(root / "artifacts"), articles=5))
    announce(made, made.world.articles)
    made.world.promote(made.world.add_model(seed=1), root / "cache")
    caught_up(root).dispose()
    return made


@pytest.fixture
def folder(template: Folder, tmp_path: Path) -> Folder:
    root = tmp_path / "work"
    shutil.copytree(template.root, root)
    world = replace(template.world, store=LocalArtifacts(root / "artifacts"))
    return Folder(root, world, list(template.documents))


@pytest.fixture
def site(folder: Folder, tmp_path: Path) -> Site:
    made = make_site(folder.world, tmp_path, workdir=folder.root)
    made.service.app.state.serving.withholding._fresh_s = 0.0
    assert made.service.reloader.check()
    return made


def hits(site: Site, text: str = "axial") -> set[str]:
    answer = site.client("viewer").post("/v1/search", json={"text": text, "k": 100})
    assert answer.status_code == 200, answer.text
    return {hit["pair_id"] for hit in answer.json()["hits"]}


def test_an_article_leaves_search_pages_and_datasets_and_comes_back(folder: Folder, site: Site) -> None:
    article, others = folder.world.articles[0], folder.world.articles[1:]
    everything = {pair.pair_id for pair in folder.world.pairs}
    own = {pair.pair_id for pair in article.pairs}
    before, client = folder.frozen(), site.client("viewer")
    assert hits(site) == everything
    (word,) = folder.withdraw(article.article_id)
    assert (word["scope"], word["subject"], word["sequence"]) == ("article", article.article_id, 1)
    assert hits(site) == everything - own
    engine = SearchEngine.open(folder.world.store, folder.world.registry, folder.root / "cache")
    assert {hit.pair_id for hit in engine.search("axial", k=100)} == everything - own
    pair = article.pairs[0]
    for path in (
        f"/v1/figures/{pair.figure_id}", f"/v1/figures/{pair.figure_id}/image", f"/v1/figures/{pair.figure_id}/page",
        f"/v1/images/{pair.pair_id}", f"/v1/explain/{pair.pair_id}", f"/v1/explain/{article.article_id}",
    ):  # fmt: skip
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (410, "source-withdrawn"), path
    assert client.get(f"/v1/images/{others[0].pairs[0].pair_id}").status_code == 200
    assert client.get("/v1/map").json()["pairs"] == len(everything - own)
    facets = client.post("/v1/search", json={"text": "axial"}).json()["facets"]["journal"]
    assert sum(facets.values()) == len(everything - own)
    after = folder.frozen()
    assert after.dataset_id != before.dataset_id
    assert after.dropped["withdrawn-retraction"] == len(own)
    assert "withdrawn" in folder.say("where", article.article_id)
    assert "Ada Stone" in folder.say("explain", pair.pair_id)
    assert json.loads(folder.say("withdraw", "--list", "--json"))["withdrawn"][0]["subject"] == article.article_id
    folder.reinstate(article.article_id)
    assert hits(site) == everything
    assert folder.frozen().dataset_id == before.dataset_id
    assert "structured" in folder.say("where", article.article_id)
    facts = [*facts_of(folder.bus, SourcesWithdrawn), *facts_of(folder.bus, SourcesReinstated)]
    assert [fact.sequence for fact in facts] == [1, 2]


def test_withdrawing_twice_is_withdrawing_once(folder: Folder) -> None:
    first, second = (folder.withdraw(folder.world.articles[0].article_id)[0] for _ in range(2))
    assert (first["new"], second["new"]) == (True, False)
    assert len(list(facts_of(folder.bus, SourcesWithdrawn))) == 1
    with pytest.raises(PermanentError, match="not-withdrawn"):
        folder.reinstate(folder.world.articles[1].article_id)
    with pytest.raises(PermanentError, match="unknown-id"):
        folder.withdraw("art_unknown")


def test_a_doi_and_a_journal_name_what_they_are(folder: Folder, site: Site) -> None:
    journals = {article.facts.journal.value for article in folder.world.articles}
    journal = sorted(str(each) for each in journals)[0]
    own = {p.pair_id for a in folder.world.articles if a.facts.journal.value == journal for p in a.pairs}
    (word,) = folder.withdraw(journal.upper(), "licence")
    assert word["scope"] == "collection"
    assert hits(site) == {pair.pair_id for pair in folder.world.pairs} - own
    assert folder.frozen().dropped["withdrawn-licence"] == len(own)


def test_a_figure_is_withdrawn_by_what_it_shows(folder: Folder, site: Site) -> None:
    pair: Pair = next(pair for pair in folder.world.pairs if pair.panel_id)
    own = {each.pair_id for each in folder.world.pairs if each.figure_id == pair.figure_id}
    (word,) = folder.withdraw(pair.figure_id, "identifiable-person")
    pictures = word["pictures"]
    assert isinstance(pictures, list)
    assert pair.image.sha256 in {picture["sha256"] for picture in pictures}
    assert hits(site) == {each.pair_id for each in folder.world.pairs} - own
    # A later version that gives the figure another id does not bring the picture back.
    article = next(each for each in folder.world.articles if each.article_id == pair.article_id)
    renamed = tuple(
        each.model_copy(update={"figure_id": f"fig_new{n}", "panel_id": None, "pair_id": f"pair_new{n}"})
        for n, each in enumerate(article.pairs)
    )
    other = article.model_copy(update={"pairs": renamed, "structurer": "test-2"})
    folder.documents = [folder.store.put_manifest("figures", "structured/test-1/test-2/x", other.canonical())]
    assert folder.frozen().dropped["withdrawn-identifiable-person"] == len(own)


def test_the_whole_figure_is_withheld_with_one_of_its_panels(folder: Folder, site: Site) -> None:
    pair = next(pair for pair in folder.world.pairs if pair.panel_id)
    sibling = next(p for p in folder.world.pairs if p.figure_id == pair.figure_id and p.pair_id != pair.pair_id)
    folder.withdraw(pair.pair_id, "identifiable-person")
    client = site.client("viewer")
    assert client.get(f"/v1/images/{pair.pair_id}").status_code == 410
    assert client.get(f"/v1/images/{sibling.pair_id}").status_code == 200
    assert client.get(f"/v1/figures/{pair.figure_id}/image").status_code == 410
    assert [each["pair_id"] for each in client.get(f"/v1/figures/{pair.figure_id}").json()["pairs"]] == [
        sibling.pair_id
    ]


def test_withdrawn_bytes_are_refused_until_reinstated(folder: Folder, tmp_path: Path) -> None:
    article = folder.world.articles[0]
    path = tmp_path / "again.pdf"
    path.write_bytes(folder.store.get(article.pdf))
    folder.withdraw(article.article_id)
    assert submit(folder.store, folder.bus, path).refused == "source-withdrawn"
    (fact,) = facts_of(folder.bus, SourceQuarantined)
    assert (fact.source_id, fact.code) == (article.article_id, "source-withdrawn")
    folder.reinstate(article.article_id)
    assert submit(folder.store, folder.bus, path).refused == ""


def test_an_export_leaves_out_what_is_withdrawn_and_says_so(folder: Folder, tmp_path: Path) -> None:
    article = folder.world.articles[0]
    dataset = folder.frozen()
    folder.withdraw(article.article_id)
    out = tmp_path / "out"
    said = json.loads(folder.say("export", str(out), "--dataset", dataset.dataset_id, "--format", "jsonl", "--json"))
    assert said["withdrawn"] == {"withdrawn-retraction": len(article.pairs)}
    lines = [json.loads(line) for path in out.glob("jsonl/*") for line in path.read_text().splitlines()]
    assert lines
    assert article.article_id not in {line["article_id"] for line in lines}
    assert "withdrawn-retraction" in (out / "README.md").read_text()
    with pytest.raises(PermanentError, match="export-withdrawn"):
        folder.say("export", str(tmp_path / "no"), "--dataset", dataset.dataset_id, "--refuse-withdrawn")


def test_the_catalogue_of_withdrawals_is_what_the_log_says(folder: Folder) -> None:
    folder.withdraw(folder.world.articles[0].article_id)
    folder.withdraw(folder.world.articles[1].article_id, "licence")
    folder.reinstate(folder.world.articles[1].article_id)
    folder.withdraw(folder.world.articles[2].pairs[0].figure_id, "licence")
    assert check(caught_up(folder.root), folder.bus, folder.store) == {}
    lost = SqliteBus(folder.root / "again.db")  # the log is lost and said again from the store
    rebuild(lost, folder.store, {})
    assert [fact.sequence for fact in facts_of(lost, SourcesWithdrawn)] == [1, 1, 1]
    assert [fact.sequence for fact in facts_of(lost, SourcesReinstated)] == [2]


def test_erasing_leaves_digests_and_no_bytes(folder: Folder, tmp_path: Path) -> None:
    article = folder.world.articles[0]
    before_erasure = folder.frozen()
    rest = FrozenDataset(folder.store, before_erasure)
    frozen = {pair.pair_id for split in before_erasure.splits for pair in rest.pairs(split)}
    before = caught_up(folder.root)
    before.dispose()
    (done,) = folder.withdraw(article.article_id, "erasure-request", "--erase")
    receipt = done["erasure"]
    assert isinstance(receipt, dict)
    erased = {each["sha256"] for each in receipt["erased"]}
    assert {article.pdf.sha256, article.source.sha256, *(pair.image.sha256 for pair in article.pairs)} <= erased
    assert receipt["rewritten"]["datasets"], "the frozen dataset"
    assert receipt["rewritten"]["indexes"], "and its index"
    assert set(receipt["kept"]) <= {"models", "shared"}, "models keep what they learned, and that is said"
    left = [path for path in (folder.root / "artifacts").rglob("*") if path.is_file()]
    title = str(article.facts.title.value).encode()
    holding = [path for path in left if title in path.read_bytes()]
    assert not holding
    own = {pair.pair_id for pair in article.pairs}
    (tmp_path / "again").mkdir()
    site = make_site(folder.world, tmp_path / "again", workdir=folder.root)
    assert site.service.reloader.check()
    assert hits(site) == {pair.pair_id for pair in folder.world.pairs} - own
    withdrawn = withdrawn_in(folder.store, before_erasure)
    assert withdrawn == {f"article {article.article_id} (erasure-request)": len(own)}, "the model saw it all the same"
    left_pairs = [pair for split in before_erasure.splits for pair in rest.pairs(split)]
    assert {pair.pair_id for pair in left_pairs} == frozen - own
    shown = [name for split in before_erasure.splits for name, _ in rest.jpegs(split)]
    assert sorted(shown) == sorted(pair.pair_id for pair in left_pairs)
    for ref in (article.pdf, *(pair.image for pair in article.pairs)):
        assert not folder.store.path(ref).exists()
    kept = [pair for other in folder.world.articles[1:] for pair in other.pairs]
    assert all(folder.store.get(pair.image) for pair in kept)
    again = folder.frozen()
    assert not [each for each in again.dropped if each.startswith("withdrawn")], "what is not there is not left out"
    assert check(caught_up(folder.root), folder.bus, folder.store) == {}, "rebuilt without its documents"
    codes = {each["code"] for each in _audited(folder)}
    assert not codes & {"artifact-missing", "submission-unrecorded"}
    assert folder.withdraw(article.article_id, "erasure-request", "--erase")[0]["new"] is False


def study(number: int, patient: str) -> tuple[ExtractedStudy, StructuredStudy]:
    ref = blob_ref("studies", sha256_hex(str(number).encode()), 1, "application/gzip")
    volume = ExtractedVolume(
        series_id=f"ser_{number}", sequence="FLAIR", confidence=1.0, volume=ref, spacing=(1.0, 1.0, 1.0)
    )
    known = {"study_id": f"std_{number}", "patient": patient, "grid": (1, 1, 1), "volumes": (volume,), "source": ref}
    extracted = ExtractedStudy.model_validate({**known, "extractor": "grid-1"})
    pair = {
        "pair_id": f"pair_{number}", "study_id": f"std_{number}", "patient": patient, "sequence": "FLAIR",
        "volume": ref, "text": "Nothing bright.", "description": {"sequence": "FLAIR"},
    }  # fmt: skip
    structured = {**known, "extractor": "grid-1", "structurer": "rules-1", "record": {"by": "rules-1"}, "pairs": [pair]}
    return extracted, StructuredStudy.model_validate(structured)


def test_a_patient_is_withdrawn_with_every_study(folder: Folder) -> None:
    documents = []
    for number, patient in enumerate(("pat_one", "pat_one", "pat_two")):
        extracted, structured = study(number, patient)
        one = folder.store.put_manifest("studies", f"extracted/grid-1/std_{number}", extracted.canonical())
        two = folder.store.put_manifest("studies", f"structured/grid-1/rules-1/std_{number}", structured.canonical())
        documents.append(two)
        folder.bus.publish([
            Event(StudySubmitted(study_id=f"std_{number}", study=one, name="MRI study: FLAIR"), "test"),
            Event(VolumesExtracted(study_id=f"std_{number}", document=one, volumes=1), "test"),
            Event(StudyStructured(study_id=f"std_{number}", document=two, pairs=1), "test"),
        ])  # fmt: skip
    text, vault = (folder.store.put(bucket, b"sealed", "application/octet-stream") for bucket in SEALED)
    submitted = SubmittedStudy(
        study_id="std_0", patient="pat_one", series=(), deid=DeidReport(profile="test"), reader="test",
        sealed=SealedReport(text=text, vault=vault, owner="o"),
    )  # fmt: skip
    folder.store.put_manifest("studies", "submitted/std_0", submitted.canonical())
    (word,) = folder.withdraw("pat_one", "erasure-request", "--erase")
    for ref in (text, vault):
        assert not folder.store.path(ref).exists(), "the report's text goes, also from the vault"
    assert (word["scope"], word["subject"], word["deliveries"]) == ("patient", "pat_one", ["std_0", "std_1"])
    assert "withdrawn" in folder.say("where", "std_0")
    assert "structured" in folder.say("where", "std_2")
    plan = StudyFreezeOptions().plan(folder.store, documents, Lost())
    assert plan is not None
    assert [each for ids in plan.members.values() for each in ids] == ["std_2"]
    _, again = study(3, "pat_one")  # a study of the patient that comes later is withdrawn as well
    later = folder.store.put_manifest("studies", "structured/grid-1/rules-1/std_3", again.canonical())
    plan = StudyFreezeOptions().plan(folder.store, [*documents, later], Lost())
    assert plan is not None
    assert plan.dropped == {"withdrawn-erasure-request": 1}
    assert check(caught_up(folder.root), folder.bus, folder.store) == {}


def test_an_old_link_leads_to_the_present_figure(folder: Folder, site: Site) -> None:
    article = folder.world.articles[0]
    known = ExtractedArticle.model_validate_json(folder.store.get(article.source))
    figures = tuple(each.model_copy(update={"figure_id": f"fig_old{n}"}) for n, each in enumerate(known.figures))
    before = known.model_copy(update={"extractor": "test-0", "figures": figures})
    document = folder.store.put_manifest("figures", f"extracted/test-0/{known.article_id}", before.canonical())
    fact = FiguresExtracted(article_id=known.article_id, document=document, figures=2, panels=2)
    folder.bus.publish([Event(fact, "test")])
    assert json.loads(folder.say("where", "fig_old0", "--json"))[0]["source"]["source_id"] == article.article_id
    answer = site.client("viewer").get("/v1/figures/fig_old0")
    assert answer.json()["figure_id"] == known.figures[0].figure_id
    assert site.client("viewer").get("/v1/figures/fig_never").status_code == 404
    (word,) = folder.withdraw("fig_old0", "licence")
    assert word["subject"] == known.figures[0].figure_id
    assert site.client("viewer").get("/v1/figures/fig_old0").status_code == 410


def test_a_notice_is_listed_until_somebody_speaks(folder: Folder) -> None:
    article = folder.world.articles[0]
    proposal = Proposal(
        notice="art_notice", delivery="art_d", title="Retraction", target=article.article_id, why="a notice names it"
    )
    name = names.proposal("art_notice", article.article_id)
    folder.store.put_manifest("quarantine", name, proposal.canonical())
    (listed,) = json.loads(folder.say("withdraw", "--proposed", "--json"))["proposed"]
    assert (listed["present"], listed["title"]) == (article.article_id, "Retraction")
    assert article.article_id in folder.say("withdraw", "--proposed").replace("\n", "")
    folder.withdraw(article.article_id)
    assert json.loads(folder.say("withdraw", "--proposed", "--json"))["proposed"] == []


def test_a_freeze_is_due_when_words_have_settled(folder: Folder) -> None:
    seconds = [0.0]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = [
        Event(
            PairsStructured(article_id=article.article_id, document=document, pairs=len(article.pairs)), "test", start
        )
        for article, document in zip(folder.world.articles, folder.documents, strict=True)
    ]

    def freezer() -> Freezer:
        rule = FreezeRule(new_pairs=0, settle_s=10.0)
        now = lambda: start + timedelta(seconds=seconds[0])  # noqa: E731 - a clock of one line
        return Freezer(folder.store, rule, lambda: events, FreezeOptions(image_size=32), now)

    def said(freezer: Freezer, facts: Sequence[Fact]) -> list[DatasetFrozen]:
        freezer.acknowledge(facts)
        return [fact for fact in facts if isinstance(fact, DatasetFrozen)]

    made = freezer()
    (first,) = said(made, made.flush())
    assert said(made, made.tick()) == []
    folder.withdraw(folder.world.articles[0].article_id)
    seconds[0] = 2.0  # words are counted ten times while they settle
    assert said(made, made.tick()) == [], "more words may follow"
    seconds[0] = 13.0
    (second,) = said(made, made.tick())
    assert second.dataset_id != first.dataset_id
    assert said(made, made.tick()) == []
    folder.withdraw(folder.world.articles[1].article_id)
    restarted = freezer()
    again = [each.dataset_id for each in said(restarted, restarted.tick())]
    assert again == [second.dataset_id], "what was frozen last is said again"
    seconds[0] = 15.0
    assert said(restarted, restarted.tick()) == []
    seconds[0] = 30.0
    assert len(said(restarted, restarted.tick())) == 1, "a word of before the restart counts"


def _audited(folder: Folder) -> list[dict[str, str]]:
    done = CliRunner().invoke(app, ["audit", "--json", "--workdir", str(folder.root)])
    found: list[dict[str, str]] = json.loads(done.output)["violations"]
    return found
