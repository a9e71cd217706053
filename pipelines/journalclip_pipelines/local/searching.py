"""Search brought up to the champion of a working folder by the command that changed or announced it.

On a cluster the index services do this; a laptop has none that runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from journalclip_pipelines.local.articles import LocalArticles
from journalclip_pipelines.local.handlers import search_stages
from journalclip_pipelines.local.local_kind import LocalKind
from journalclip_pipelines.local.stages import drain
from journalclip_pipelines.local.studies import LocalStudies
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import Kind
from journalclip_shared.settings import Settings


def index_here(settings: Settings, kinds: Iterable[Kind], reporter: Reporter) -> str:
    """Index what each kind's champion lacks; why not, where another run holds the folder, else empty."""
    if settings.bus != "sqlite" or settings.artifacts != "local":
        return ""
    local: dict[Kind, LocalKind] = {"articles": LocalArticles(), "studies": LocalStudies()}
    workspace = Workspace(settings.workdir)
    try:
        with workspace.lock():
            for kind in kinds:
                for stage in search_stages(workspace, local[kind]):
                    drain(workspace.bus, stage, reporter)
    except PermanentError as error:
        if error.code != "workdir-busy":
            raise
        return f"{error.reason}: search changes when it ends, or by `journalclip reindex` after it"
    return ""
