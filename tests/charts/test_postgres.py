"""The bundled PostgreSQL: its start script makes users and databases, each with its password, also a changed one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from journalclip_devtools.servers.process import free_port
from journalclip_pipelines.operations.made_secrets import Key, missing

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "charts" / "images" / "postgres.sh"
_NOBODY = 65534  # PostgreSQL does not run as root


@contextmanager
def started(folder: Path, passwords: dict[str, str]) -> Iterator[int]:
    """The script's server; the port it listens on."""
    users, port = folder / "users", free_port()
    users.mkdir(exist_ok=True)
    for name, word in passwords.items():
        (users / name).write_text(word)
    own = _NOBODY if os.getuid() == 0 else os.getuid()
    for each in (folder, *folder.rglob("*")):
        if os.getuid() == 0:
            os.chown(each, own, own)
    environment = {
        "POSTGRES_DATA": str(folder / "data"), "POSTGRES_USERS": str(users), "PGPORT": str(port),
        "PATH": os.environ["PATH"], "POSTGRES_SOCKETS": str(folder),
    }  # fmt: skip
    log = (folder / "log").open("ab")
    server = subprocess.Popen(["bash", str(SCRIPT)], env=environment, user=own, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(1200):
            if server.poll() is not None:
                pytest.fail((folder / "log").read_text()[-2000:])
            try:
                entered(port, "admin", "postgres", passwords["admin"]).close()
                break
            except psycopg.OperationalError:
                os.sched_yield()
                subprocess.run(["sleep", "0.1"], check=True)
        yield port
    finally:
        server.terminate()
        server.wait()
        log.close()


def entered(port: int, user: str, database: str, password: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host="127.0.0.1", port=port, user=user, dbname=database, password=password)


@pytest.mark.skipif(not Path("/usr/lib/postgresql").is_dir(), reason="PostgreSQL is not installed")
def test_users_have_their_database_and_nobody_elses(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tmp_path, f"/tmp/journalclip-{os.getpid()}"))
    words = {"admin": "a", "catalogue": 'it\'s $1 \\ "quoted"', "mlflow": "m"}
    try:
        with started(folder, words) as port:
            with entered(port, "catalogue", "catalogue", words["catalogue"]) as own:
                own.execute("create table kept (word text)")
                own.execute("insert into kept values ('here')")
            with pytest.raises(psycopg.OperationalError):
                entered(port, "catalogue", "catalogue", "m")
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                entered(port, "mlflow", "catalogue", "m")
        words["catalogue"] = "new"
        with started(folder, words) as port, entered(port, "catalogue", "catalogue", "new") as own:
            assert own.execute("select word from kept").fetchone() == ("here",)
    finally:
        shutil.rmtree(folder)


def test_an_address_is_made_of_its_password() -> None:
    keys = {"catalogue-uri": Key(make="format:postgresql+psycopg://c:{catalogue-password}@db:5432/c"),
            "catalogue-password": Key(make="random:32")}  # fmt: skip
    made = missing(keys, {})
    assert made["catalogue-uri"] == f"postgresql+psycopg://c:{made['catalogue-password']}@db:5432/c"
    assert missing(keys, {"catalogue-password": "held"})["catalogue-uri"].startswith("postgresql+psycopg://c:held@")
