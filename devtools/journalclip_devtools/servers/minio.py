"""A MinIO server in a folder, its credentials in files, its bucket notifications sent to Kafka where there is one."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from journalclip_devtools.servers import build
from journalclip_devtools.servers.process import Server, answers, kept_port
from journalclip_shared.atomic import write_once
from journalclip_shared.settings import KafkaSettings, S3Settings

# Mount a file system in memory over the data folder, in a mount namespace of the server's own, then become the server.
_SMALL_DISK = [
    "unshare", "--mount", "--map-root-user", "sh", "-c",
    'mount -t tmpfs -o size="$2"m tmpfs "$1" && shift 2 && exec "$@"', "small-disk",
]  # fmt: skip


def start(
    folder: Path, cache: Path, port: int = 0, notify: KafkaSettings | None = None, topic: str = "", disk_mib: int = 0
) -> tuple[Server, S3Settings]:
    """Start (or start again) a server; ``notify`` and ``topic`` say where object events go.

    With ``disk_mib`` its data lie on a disk of that size, in memory, which nothing else sees and which ends with it:
    see `full`. Raises `PermanentError`.
    """
    executable = build.binary("minio", cache)
    port = port or kept_port(folder, "minio")
    folder.mkdir(parents=True, exist_ok=True)
    user, password = _secret(folder / "access-key", 10), _secret(folder / "secret-key", 20)
    environment = {
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    if notify is not None:
        environment |= _notification(notify, topic)
    url = f"http://127.0.0.1:{port}/minio/health/cluster"
    command = [str(executable), "server", "--address", f"127.0.0.1:{port}", str(folder / "data")]
    if disk_mib:
        (folder / "data").mkdir(exist_ok=True)
        command = [*_SMALL_DISK, str(folder / "data"), str(disk_mib), *command]
    server = Server("minio", command, folder, lambda: answers(url), environment)
    server.start()
    settings = S3Settings(
        endpoint=f"127.0.0.1:{port}",
        tls=False,
        access_key_file=folder / "access-key",
        secret_key_file=folder / "secret-key",
    )
    return server, settings


def no_small_disk() -> str | None:
    """None where a server may have a small disk of its own; else a sentence that says what is not here."""
    probe = ["unshare", "--mount", "--map-root-user", "true"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        return "A full disk was left out: this machine gives no mounts of one's own (unshare)."
    return None


@contextmanager
def full(server: Server) -> Iterator[None]:
    """Meanwhile there is no room on the small disk of ``server``."""
    assert server.process is not None
    ballast = Path(f"/proc/{server.process.pid}/root{server.folder.resolve() / 'data' / 'ballast'}")
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


def _notification(notify: KafkaSettings, topic: str) -> dict[str, str]:
    """Events are sent as they happen: a queue on MinIO's disk would be looked through only every three seconds."""
    values = {"ENABLE": "on", "BROKERS": notify.servers, "TOPIC": topic, "VERSION": "3.6.0"}
    return {f"MINIO_NOTIFY_KAFKA_{name}_PRIMARY": value for name, value in values.items()}


def _secret(path: Path, size: int) -> str:
    if not path.is_file() or not path.read_text():  # a crash may leave a file without its content
        path.unlink(missing_ok=True)
        write_once(path, secrets.token_hex(size).encode())
    return path.read_text()
