"""Building the servers once: Kafka's jars by Maven, MinIO and the fault proxy by Go, all at pinned versions.

A build happens in a temporary folder beside its place and is renamed when it is whole, under a lock, so that an
interrupted or a second build leaves nothing half. Kafka and MinIO are development servers here; a cluster has its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from journalclip_shared.errors import PermanentError

KAFKA = "4.3.1"
# The project's release tags are not served as modules, so it is pinned by commit: the last before it was archived.
MINIO = "v0.0.0-20260212201848-7aac2a2c5b7c"
TOXIPROXY = "v2.5.0"
_MINUTES = 45  # MinIO takes two to four on two cores, a Kubernetes control plane six; a busy machine several times that

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>journalclip</groupId><artifactId>kafka</artifactId>
<version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{KAFKA}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
"""


def default_cache() -> Path:
    return Path.home() / ".cache" / "journalclip" / "servers"


def missing(which: str, cache: Path) -> str | None:
    """None where ``which`` can be started; else one sentence that says what is not here."""
    if which == "kafka" and shutil.which("java") is None:
        return "Kafka was left out: there is no Java 17 or later on PATH."
    if which == "kafka" and not (cache / f"kafka-{KAFKA}").is_dir() and shutil.which("mvn") is None:
        return "Kafka was left out: there is no Maven (mvn) on PATH to fetch it with."
    if which in _MODULES and not _binary(which, cache).is_file() and shutil.which("go") is None:
        return f"{which} was left out: there is no Go (go) on PATH to build it with."
    return None


def kafka(cache: Path) -> Path:
    """The folder of Kafka's jars, fetched if need be. Raises `PermanentError`."""
    target = cache / f"kafka-{KAFKA}"
    with building("kafka", target, cache, missing("kafka", cache)) as folder:
        if folder is not None:
            (folder / "pom.xml").write_text(_POM)
            goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
            run("kafka", ["mvn", "-q", "-B", "-f", str(folder / "pom.xml"), *goal], {})
    return target / "libs"


def binary(which: str, cache: Path) -> Path:
    """The executable of ``minio`` or ``toxiproxy``, built if need be. Raises `PermanentError`."""
    target = _binary(which, cache)
    with building(which, target.parent, cache, missing(which, cache)) as folder:
        if folder is not None:
            run(which, ["go", "install", _MODULES[which]], {"GOBIN": str(folder), "GOFLAGS": "-mod=mod"})
            (built,) = folder.iterdir()
            built.rename(folder / which)
    return target


_MODULES = {
    "minio": f"github.com/minio/minio@{MINIO}",
    "toxiproxy": f"github.com/Shopify/toxiproxy/v2/cmd/server@{TOXIPROXY}",
}


def _binary(which: str, cache: Path) -> Path:
    return cache / f"{which}-{_MODULES[which].rpartition('@')[2]}" / which


@contextmanager
def building(which: str, target: Path, cache: Path, lacking: str | None) -> Iterator[Path | None]:
    """A folder to build in, which becomes ``target``; None where that is there already.

    Raises `PermanentError` ``server-missing`` where it is not and ``lacking`` says what cannot build it.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f".{which}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs build it once
        if target.is_dir():
            yield None
            return
        if lacking is not None:
            raise PermanentError("server-missing", lacking, "Install it, or point the settings at a running server.")
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{which}-") as name:
            folder = Path(name) / "build"
            folder.mkdir()
            yield folder
            folder.rename(target)


def run(which: str, command: list[str], extra: Mapping[str, str]) -> None:
    """One step of a build. Raises `PermanentError` ``server-build-failed`` with its last words."""
    # Build tools need PATH, HOME and proxies as they are; this is no setting of ours.
    environment = {**os.environ, **extra}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_MINUTES * 60, check=False)
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise PermanentError("server-build-failed", f"{which}: {' | '.join(tail)}", "See whether the registry answers.")


def main() -> int:
    """Build what can be built, and say what cannot; 1 where anything is missing."""
    cache = default_cache()
    said = [each for each in (missing(which, cache) for which in ("kafka", *_MODULES)) if each is not None]
    for sentence in said:
        print(sentence)
    for which in _MODULES:
        if missing(which, cache) is None:
            binary(which, cache)
    if missing("kafka", cache) is None:
        kafka(cache)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
