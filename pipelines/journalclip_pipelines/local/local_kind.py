"""What differs between kinds in a local run: how sources come in, and which parts the steps' handlers are given."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import Reporter
from journalclip_shared.consume import Handler
from journalclip_shared.events import Fact, SourceQuarantined
from journalclip_shared.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from journalclip_freezing.layout import Layout
    from journalclip_inference.handler import Indexer
    from journalclip_training.learning import TrainingKind


@dataclass
class Submitted:
    """What came in. ``refused`` are sources that cannot be used at all."""

    count: int = 0
    new: int = 0
    refused: list[SourceQuarantined] = field(default_factory=list)
    files: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)  # files of no source, by code and reason


class LocalKind(Protocol):
    """Heavy libraries are imported by the methods, when their step has work."""

    @property
    def kind(self) -> Kind: ...

    @property
    def workers(self) -> int:
        """Sources read at once."""
        ...

    @property
    def structurer(self) -> str:
        """`rules`, `endpoint`, `local`, a model's folder, or an alias of the registry."""
        ...

    @property
    def titles(self) -> tuple[str, str]:
        """Of the bars of extraction and structuring."""
        ...

    @property
    def extracts(self) -> tuple[type[Fact], ...]: ...

    @property
    def structures(self) -> type[Fact]: ...

    @property
    def layout(self) -> Layout: ...

    def find(self, folder: Path) -> list[Path]:
        """The sources below ``folder``. Raises `PermanentError` ``input-missing``, ``input-empty``."""
        ...

    def submit(self, workspace: Workspace, paths: list[Path], reporter: Reporter) -> Submitted: ...

    def extraction(self, workspace: Workspace) -> AbstractContextManager[Handler]: ...

    def structuring(self, workspace: Workspace) -> Handler: ...

    def training(self) -> TrainingKind: ...

    def indexer(self, workspace: Workspace, progress: Callable[[int, int], None]) -> Indexer: ...
