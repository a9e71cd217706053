"""A MinIO server in a folder, its credentials in files, its bucket notifications sent to Kafka where there is one."""

from __future__ import annotations

import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from journalclip_pipelines.servers import build
from journalclip_pipelines.servers.process import Server, free_port
from journalclip_shared.settings import KafkaSettings, S3Settings


def start(
    folder: Path, cache: Path, port: int = 0, notify: KafkaSettings | None = None, topic: str = ""
) -> tuple[Server, S3Settings]:
    """Start (or start again) a server; ``notify`` and ``topic`` say where object events go. Raises `PermanentError`."""
    executable = build.binary("minio", cache)
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    user, password = _secret(folder / "access-key", 10), _secret(folder / "secret-key", 20)
    environment = {
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    if notify is not None:
        environment |= _notification(notify, topic, folder)
    url = f"http://127.0.0.1:{port}/minio/health/cluster"
    command = [str(executable), "server", "--address", f"127.0.0.1:{port}", str(folder / "data")]
    server = Server("minio", command, folder, lambda: _answers(url), environment)
    server.start()
    settings = S3Settings(
        endpoint=f"127.0.0.1:{port}",
        tls=False,
        access_key_file=folder / "access-key",
        secret_key_file=folder / "secret-key",
    )
    return server, settings


def _notification(notify: KafkaSettings, topic: str, folder: Path) -> dict[str, str]:
    queue = folder / "queue"  # events wait here while Kafka is away
    queue.mkdir(exist_ok=True)
    values = {
        "ENABLE": "on",
        "BROKERS": notify.servers,
        "TOPIC": topic,
        "QUEUE_DIR": str(queue),
        "QUEUE_LIMIT": "100000",
        "VERSION": "3.6.0",
    }
    return {f"MINIO_NOTIFY_KAFKA_{name}_PRIMARY": value for name, value in values.items()}


def _secret(path: Path, size: int) -> str:
    if not path.is_file():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_hex(size))
    return path.read_text()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - a loopback address made here
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
