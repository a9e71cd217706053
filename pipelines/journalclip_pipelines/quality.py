"""The quality classifier in the registry, under a name of its own, like any other model.

A version carries the reference of its manifest (the model's JSON itself, written once under its digest); whoever takes
it compares digests. The champion alias says which one a deployment is to use.
"""

from __future__ import annotations

from pathlib import Path

from journalclip_extraction.quality.model import version
from journalclip_extraction.quality.train import Report
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.ids import make_id
from journalclip_shared.registry import MlflowRegistry

REGISTERED = "journalclip-quality"


def register(workdir: Path, text: str, report: Report) -> str:
    """Store and register the model; the same model keeps its version. Returns the version's number."""
    workspace = Workspace(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    ref = workspace.store.put_manifest("models", f"quality/{version(text)}", text.encode())
    registry = MlflowRegistry(workspace.mlflow_uri, REGISTERED)
    accuracy = {f"accuracy.{task}": str(share) for task, share in report.model.items()}
    registered = registry.register(make_id("mdl", ref.sha256), ref, "", accuracy)
    registry.set_alias("candidate", registered.version)
    return registered.version
