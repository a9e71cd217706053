"""Where Ray keeps a run's checkpoints: in the artifact store's own folder or bucket, below ``models/runs``.

They are not artifacts: they have no digest in their name, Ray thins them out to the last two, and nothing refers to
them once the model is registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyarrow.fs import FileSystem, S3FileSystem

from journalclip_shared.errors import ConfigurationError
from journalclip_shared.settings import S3Settings, Settings


@dataclass(frozen=True)
class Storage:
    """``path`` is on ``filesystem``, or on the local disk where that is None."""

    path: str
    filesystem: FileSystem | None = None

    @classmethod
    def of(cls, settings: Settings, folder: str = "") -> Storage:
        """``folder`` where it is given, else beside the artifacts. Raises `ConfigurationError` for a missing secret."""
        if folder:
            return cls(folder)
        if settings.artifacts == "local":
            path = settings.workdir.resolve() / "artifacts" / "models" / "runs"
            path.mkdir(parents=True, exist_ok=True)
            return cls(str(path))
        return cls(f"{settings.s3.bucket_prefix}models/runs", _s3(settings.s3))


def _s3(settings: S3Settings) -> S3FileSystem:
    return S3FileSystem(
        access_key=_secret(settings.access_key_file, "ACCESS_KEY_FILE"),
        secret_key=_secret(settings.secret_key_file, "SECRET_KEY_FILE"),
        endpoint_override=settings.endpoint,
        scheme="https" if settings.tls else "http",
        region=settings.region,
        tls_ca_file_path=str(settings.ca_file) if settings.ca_file else None,
        request_timeout=settings.timeout_s,
    )


def _secret(path: Path | None, name: str) -> str:
    if path is None or not path.is_file():
        raise ConfigurationError("secret-missing", f"no S3 credential at {path}", f"Set JOURNALCLIP_S3__{name}.")
    return path.read_text().strip()
