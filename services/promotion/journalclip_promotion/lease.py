"""A lease in the model registry: one promoter at a time among machines that share nothing else.

MLflow's aliases have no compare-and-swap, but the creation of a registered model does: of many who create one name, one
succeeds. The lease is a row of such names, ``<name>.<generation>``; whoever creates the next generation after one
that was given back, or has run out, holds the lease. The highest generation always exists, and one who created a lower
one (having looked long ago) sees that and steps back. A holder that died is waited for as long as its lease lasts; what
is done under it takes far less, and the ledger refuses a second entry of one number should it ever take longer.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from journalclip_promotion.errors import LockBusy
from journalclip_shared.errors import TransientError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_EXPIRES, _OWNER = "journalclip.expires", "journalclip.owner"
_POLL_S = 0.05  # a registry on a server answers in tens of milliseconds


@dataclass(frozen=True)
class RegistryLease:
    """`Lock` on an MLflow server; clocks of its users must agree within a small part of ``lasts_s``."""

    client: MlflowClient
    error: type[Exception]
    name: str = "journalclip-promotion-lease"
    lasts_s: float = 120.0
    patience_s: float = 300.0
    now: Callable[[], float] = time.time
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def connect(cls, uri: str) -> RegistryLease:
        # mlflow takes seconds to import, and only this lock needs it here.
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        return cls(MlflowClient(tracking_uri=uri, registry_uri=uri), MlflowException)

    @contextmanager
    def hold(self) -> Iterator[None]:
        generation = self._acquire()
        try:
            yield
        finally:
            self._expire(generation)

    def _acquire(self) -> int:
        deadline = time.monotonic() + self.patience_s
        while True:
            newest, expires = self._newest()
            if expires <= self.now() and self._create(newest + 1):
                if self._newest()[0] == newest + 1:
                    self._forget(newest)
                    return newest + 1
                self._forget(newest + 1)
            if time.monotonic() >= deadline:
                raise LockBusy(f"the promotion lease is held by another promoter until {expires:.0f}")
            time.sleep(_POLL_S)

    def _newest(self) -> tuple[int, float]:
        """The newest generation and when it runs out; ``(0, 0)`` where there was none."""
        found = self._call(lambda: self.client.search_registered_models(f"name LIKE '{self.name}.%'", max_results=1000))
        leases = [(int(each.name.rpartition(".")[2]), float(each.tags.get(_EXPIRES, 0))) for each in found]
        return max(leases, default=(0, 0.0))

    def _create(self, generation: int) -> bool:
        tags = {_EXPIRES: str(self.now() + self.lasts_s), _OWNER: self.owner}
        try:
            self.client.create_registered_model(f"{self.name}.{generation}", tags=tags)
        except self.error as error:
            if getattr(error, "error_code", "") == "RESOURCE_ALREADY_EXISTS":
                return False
            raise TransientError(f"promotion lease: {error}") from error
        return True

    def _expire(self, generation: int) -> None:
        """Give the lease back; one that ran out and was taken over is no longer ours to give."""
        self._unless_gone(
            lambda: self.client.set_registered_model_tag(f"{self.name}.{generation}", _EXPIRES, "0"),
        )

    def _forget(self, generation: int) -> None:
        """Only generations before the newest are removed: the newest remembers the count."""
        self._unless_gone(lambda: self.client.delete_registered_model(f"{self.name}.{generation}"))

    def _unless_gone(self, function: Callable[[], object]) -> None:
        try:
            function()
        except self.error as error:
            if getattr(error, "error_code", "") != "RESOURCE_DOES_NOT_EXIST":
                raise TransientError(f"promotion lease: {error}") from error

    def _call(self, function: Callable[[], object]) -> list[_Named]:
        try:
            return function()  # type: ignore[return-value] # mlflow is untyped here
        except self.error as error:
            raise TransientError(f"promotion lease: {error}") from error


class _Named:
    name: str
    tags: dict[str, str]
