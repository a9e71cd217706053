"""A cluster's installation brought into an empty one, as docs/operations/backup.md says: buckets and databases.

Kafka, MinIO and PostgreSQL are real; the log is not copied. Everything on the way is a command that an operator types.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.servers import postgres
from journalclip_pipelines.cli import app
from journalclip_shared.artifacts.s3 import S3Artifacts
from journalclip_shared.registry import MlflowRegistry
from journalclip_shared.settings import KafkaSettings, S3Settings

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,  # MLflow makes its tables, and every command opens everything
    pytest.mark.timeout(1200),
    pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed"),
]


@pytest.fixture(scope="module")
def databases() -> Iterator[str]:
    with postgres.running() as url:
        yield url


@dataclass(frozen=True)
class Cluster:
    """One installation's places: buckets, topics, databases, and a folder as its toolbox has one."""

    s3: S3Settings
    kafka: KafkaSettings
    databases: str  # a PostgreSQL's address, without a database
    name: str
    workdir: Path

    def make_databases(self) -> None:
        with psycopg.connect(f"{self.databases}/postgres".replace("+psycopg", ""), autocommit=True) as server:
            for each in ("mlflow", "catalogue"):
                server.execute(f"create database {self.name}_{each}".encode())

    def database(self, of: str) -> str:
        return f"{self.databases}/{self.name}_{of}"

    def run(self, *arguments: str) -> str:
        """Standard output of a command that ended well."""
        environment = {
            "JOURNALCLIP_ARTIFACTS": "s3", "JOURNALCLIP_BUS": "kafka",
            "JOURNALCLIP_S3": self.s3.model_dump_json(), "JOURNALCLIP_KAFKA": self.kafka.model_dump_json(),
            "JOURNALCLIP_MLFLOW_URI": self.database("mlflow"), "JOURNALCLIP_CATALOGUE_URL": self.database("catalogue"),
        }  # fmt: skip
        done = CliRunner().invoke(app, [*arguments, "--workdir", str(self.workdir)], env=environment)
        assert done.exit_code == 0, f"{arguments}: {done.output} {done.exception!r}"
        return done.stdout

    def hits(self, text: str) -> list[tuple[str, float]]:
        found = json.loads(self.run("search", text, "--json"))
        return [(hit["pair_id"], hit["score"]) for hit in found["hits"]]


def clusters(s3: S3Settings, kafka: KafkaSettings, databases: str, folder: Path) -> Iterator[Cluster]:
    server = databases.rpartition("/")[0]
    for which in ("one", "two"):
        name = f"t{which}{uuid.uuid4().hex[:8]}"
        workdir = folder / which
        workdir.mkdir()
        own = kafka.model_copy(update={"topic_prefix": f"{name}."})
        yield Cluster(s3.model_copy(update={"bucket_prefix": f"{name}-"}), own, server, name, workdir)


def test_buckets_and_databases_make_an_empty_installation_the_same(
    bucket_server: S3Settings, broker: KafkaSettings, databases: str, tmp_path: Path
) -> None:
    old, new = clusters(bucket_server, broker, databases, tmp_path)
    for each in (old, new):
        each.make_databases()
        each.run("bootstrap")
    registry = MlflowRegistry(old.database("mlflow"), "journalclip")
    world = World(S3Artifacts(old.s3), registry)
    for number in range(3):
        world.add_article(number)
    world.promote(world.add_model(seed=1), tmp_path / "cache")
    old.run("rebuild")
    old.run("catalogue", "rebuild")
    before = json.loads(old.run("audit", "--json"))
    asked = "axial CT showing a subdural haematoma"
    hits = old.hits(asked)
    assert before["violations"] == []
    assert len(hits) == len(world.pairs)

    old.run("backup", str(tmp_path / "copy"))
    dump = tmp_path / "mlflow.dump"
    programs = postgres.binaries()
    assert programs is not None
    plain = {each.name: each.database("mlflow").replace("+psycopg", "") for each in (old, new)}
    subprocess.run([programs / "pg_dump", "--format=custom", f"--file={dump}", plain[old.name]], check=True)

    subprocess.run([programs / "pg_restore", f"--dbname={plain[new.name]}", str(dump)], check=True)
    restored = new.run("restore", str(tmp_path / "copy"))
    assert "0 of them new" not in restored
    new.run("rebuild")
    new.run("catalogue", "rebuild")
    after = json.loads(new.run("audit", "--json"))
    assert after == before
    assert json.loads(new.run("audit", "--from-log", "--json"))["violations"] == []
    champion = MlflowRegistry(new.database("mlflow"), "journalclip").by_alias("champion")
    assert champion is not None
    assert champion.manifest == world.champion().manifest  # type: ignore[union-attr]  # promoted above
    assert new.hits(asked) == hits
