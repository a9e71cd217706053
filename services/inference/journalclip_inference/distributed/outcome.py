"""A refusal as a value: what a replica answers, so that errors on purpose cross processes without a traceback.

Only `JournalclipError` is carried. Anything else is a bug: it is raised where it happened and ends the request there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Generic, ParamSpec, TypeVar, cast

from journalclip_shared.errors import JournalclipError

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """A value or the error that took its place."""

    value: T | None = None
    error: JournalclipError | None = None

    def get(self) -> T:
        """The value. Raises the error."""
        if self.error is not None:
            raise self.error
        return cast(T, self.value)


def carried(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[Outcome[T]]]:
    """The method with its errors on purpose as outcomes."""

    @wraps(method)
    async def carry(*args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
        try:
            return Outcome(await method(*args, **kwargs))
        except JournalclipError as error:
            return Outcome(error=error)

    return carry
