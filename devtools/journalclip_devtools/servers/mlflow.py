"""An MLflow tracking server with one worker over sqlite: what a cluster runs, small."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from journalclip_devtools.servers.process import Server, answers, kept_port

# Eight processes for jobs that MLflow's own pages start: nothing here asks for one, and each costs its imports.
NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def start(
    folder: Path, port: int = 0, artifacts: str = "", environment: Mapping[str, str] | None = None
) -> tuple[Server, str]:
    """Start a server; returns its URI. ``artifacts`` may be an ``s3://`` address. Raises `PermanentError`."""
    port = port or kept_port(folder, "mlflow")
    uri = f"http://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", artifacts or str(folder / "artifacts"),
    ]  # fmt: skip
    # The schema is migrated on the first start, which takes half a minute, and minutes on a crowded machine.
    settings = {**NO_JOBS, **(environment or {})}
    server = Server("mlflow", command, folder, lambda: answers(f"{uri}/health"), settings, timeout_s=600.0)
    server.start()
    return server, uri
