"""Which structurer made the records of a working folder: another one wants another folder."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from pydantic import ValidationError

from journalclip_pipelines.kinds import source_kind
from journalclip_pipelines.local.workspace import Workspace
from journalclip_shared.errors import PermanentError
from journalclip_shared.history import facts_of
from journalclip_shared.kinds import Kind
from journalclip_shared.records.pair import StructuredArticle
from journalclip_shared.records.study import StructuredStudy
from journalclip_structuring.lm.folder import folder_digest


def structured_by(workspace: Workspace, kind: Kind) -> str:
    """The newest structured document's structurer, ``name/version``; empty where there is none, or none readable."""
    of = source_kind(kind)
    newest = deque(facts_of(workspace.bus, of.structured), maxlen=1)
    if not newest:
        return ""
    model: type[StructuredArticle] | type[StructuredStudy]
    model = StructuredArticle if kind == "articles" else StructuredStudy
    try:
        return model.model_validate_json(workspace.store.get(of.document_of(newest[0]))).structurer
    except ValidationError:
        return ""


def refuse_another(workspace: Workspace, kind: Kind, asked: str) -> None:
    """What is structured is not structured again, so a second structurer would silently do nothing.

    Raises `PermanentError` ``structurer-differs``. A newer version of the same structurer goes on.
    """
    known = structured_by(workspace, kind)
    if known and not _same(known, asked):
        raise PermanentError(
            "structurer-differs",
            f"the records of {workspace.root} were made by {known}, not by {asked}",
            "Say the structurer that made them, or give another --workdir.",
        )


def _same(known: str, asked: str) -> bool:
    """A folder's files must be the same, too; an alias may have moved. With the rules to stand in both are named."""
    name, _, version = known.partition("/")
    if name.split("+")[0] != (asked if asked in {"rules", "endpoint", "local"} else "local"):
        return False
    folder = Path(asked)
    return not folder.is_dir() or asked == "local" or folder_digest(folder) in version.split("-")
