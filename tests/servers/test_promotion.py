"""Promotion on a real MLflow server (sqlite, its artifacts in S3), with the models themselves in S3 as well."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import pytest

from journalclip_devtools.doubles.promotion import CannedMeasurer, PlainWriter, put_candidate, trained
from journalclip_devtools.servers import mlflow as mlflow_server
from journalclip_promotion.decision import Candidate
from journalclip_promotion.gates import Gates
from journalclip_promotion.handler import PromotionHandler
from journalclip_promotion.lease import RegistryLease
from journalclip_promotion.ledger import Ledger
from journalclip_promotion.promoter import EVALUATION_TAG, Promoter, Request
from journalclip_promotion.reconcile import reconcile
from journalclip_promotion.verify import Inspector, recount_pairs
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.artifacts.s3 import S3Artifacts, connect
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import Event, ModelPromoted
from journalclip_shared.ids import make_id
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.runs import MlflowRuns
from journalclip_shared.settings import S3Settings

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def runs_bucket(bucket_server: S3Settings) -> str:
    bucket = f"mlflow-{uuid.uuid4().hex[:8]}"
    connect(bucket_server).make_bucket(bucket_name=bucket)
    return bucket


@pytest.fixture(scope="module")
def tracking(bucket_server: S3Settings, runs_bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a server whose artifact root is a bucket."""
    assert bucket_server.access_key_file is not None
    assert bucket_server.secret_key_file is not None
    environment = {
        "MLFLOW_S3_ENDPOINT_URL": f"http://{bucket_server.endpoint}",
        "AWS_ACCESS_KEY_ID": bucket_server.access_key_file.read_text().strip(),
        "AWS_SECRET_ACCESS_KEY": bucket_server.secret_key_file.read_text().strip(),
        "AWS_DEFAULT_REGION": bucket_server.region,
    }
    server, uri = mlflow_server.start(
        tmp_path_factory.mktemp("mlflow"), artifacts=f"s3://{runs_bucket}/runs", environment=environment
    )
    yield uri
    server.stop()


@dataclass
class Cluster:
    """A promoter as a cluster has it: registry and lease on the server, everything else in S3."""

    store: S3Artifacts
    uri: str
    name: str

    def __post_init__(self) -> None:
        self.registry = MlflowRegistry(self.uri, self.name)
        self.bench = CannedMeasurer(self.store, queries=40)

    def promoter(self) -> Promoter:
        lease = replace(RegistryLease.connect(self.uri), name=f"lease-{self.name}")
        registry = MlflowRegistry(self.uri, self.name)
        return Promoter(
            Ledger(self.store, ""), registry, lease, Inspector(self.store, recount_pairs), self.bench,
            PlainWriter(self.store),
            Gates(signature="if-key"),
        )  # fmt: skip

    def champion(self) -> str:
        """The version that the alias points at, every byte verified."""
        found = self.registry.by_alias("champion")
        assert found is not None
        self.promoter().inspector.inspect(self.promoter().candidate(found.version), found)
        return found.version


@pytest.fixture
def cluster(tracking: str, s3_settings: S3Settings) -> Cluster:
    made = Cluster(S3Artifacts(s3_settings), tracking, f"models-{uuid.uuid4().hex[:8]}")
    made.bench.skill = {make_id("mdl", name): skill for name, skill in (("a", 0.4), ("worse", 0.2), ("b", 0.9))}
    return made


def handle(cluster: Cluster, candidate: Candidate) -> list[ModelPromoted]:
    facts = PromotionHandler(cluster.promoter(), "articles").handle(Event(trained(candidate), "test"))
    return [fact for fact in facts if isinstance(fact, ModelPromoted)]


def test_promote_refuse_roll_back_and_heal(cluster: Cluster, tmp_path: Path) -> None:
    first, worse, second = (put_candidate(cluster.store, cluster.registry, name) for name in ("a", "worse", "b"))
    [fact] = handle(cluster, first)
    assert handle(cluster, first) == [fact]
    assert handle(cluster, worse) == []
    assert cluster.champion() == "1"
    [fact] = handle(cluster, second)
    assert (fact.version, fact.previous_version) == ("3", "1")
    tagged = cluster.registry.versions()[2].tags[EVALUATION_TAG]
    assert cluster.store.get(ArtifactRef.model_validate_json(tagged))
    assert cluster.promoter().roll_back("ada", "complaints").candidate.version == "1"
    assert cluster.champion() == "1"
    cluster.registry.set_alias("champion", "2")  # someone's hand in the registry
    bus = SqliteBus(tmp_path / "events.db")
    runs = MlflowRuns(cluster.uri)
    healed = reconcile(cluster.promoter(), bus, runs)
    assert (healed.aliases, healed.announced, healed.filed) == (True, 4, (1, 2, 3))
    assert cluster.champion() == "1"
    assert not reconcile(cluster.promoter(), bus, runs).anything


def test_two_promoters_race_for_the_lease(cluster: Cluster) -> None:
    candidates = [put_candidate(cluster.store, cluster.registry, f"n{number}") for number in range(8)]
    cluster.bench.skill = {each.model_id: 0.4 + 0.06 * number for number, each in enumerate(candidates)}

    def work(mine: list[Candidate]) -> None:
        for each in mine:
            cluster.promoter().decide(Request(each, "racer"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (candidates[0::2], candidates[1::2])))  # raises what either raised
    entries = list(Ledger(cluster.store, "").all())
    assert [entry.sequence for entry in entries] == list(range(1, 9))
    assert entries[-1].champion is not None
    assert cluster.champion() == entries[-1].champion.version


def test_expired_lease_is_taken_over_and_a_late_looker_steps_back(tracking: str) -> None:
    now = [1000.0]
    lease = replace(RegistryLease.connect(tracking), name=f"lease-{uuid.uuid4().hex[:8]}", now=lambda: now[0])
    abandoned = lease.hold()
    abandoned.__enter__()  # its holder dies here
    now[0] += lease.lasts_s + 1
    with lease.hold():
        assert lease._newest()[0] == 2
        late = replace(lease, patience_s=0.0)
        assert not late._create(2)
        with pytest.raises(Exception, match="held by another promoter"), late.hold():
            pass


def test_files_of_a_run_lie_in_the_bucket(tracking: str, bucket_server: S3Settings, runs_bucket: str) -> None:
    client = mlflow.MlflowClient(tracking_uri=tracking)
    run = client.create_run(client.create_experiment(uuid.uuid4().hex)).info
    runs = MlflowRuns(tracking)
    for text in (b"<p>a report</p>", b"<p>the same, written again</p>"):
        assert runs.attach(run.run_id, "mdl_a", {"evaluation/report.html": text}) == run.run_id
    assert [each.path for each in client.list_artifacts(run.run_id, "evaluation")] == ["evaluation/report.html"]
    assert Path(client.download_artifacts(run.run_id, "evaluation/report.html")).read_bytes() == text
    without = runs.attach("", "mdl_b", {"card.md": b"a card"})
    objects = [each.object_name or "" for each in connect(bucket_server).list_objects(runs_bucket, recursive=True)]
    assert {name.rpartition("/artifacts/")[2] for name in objects if run.run_id in name or without in name} == {
        "evaluation/report.html", "card.md",
    }  # fmt: skip
