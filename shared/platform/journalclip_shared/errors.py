"""Whose error it is, and how each one ends.

    JournalclipError
    ├── PermanentError       the input's: dead letter and quarantine, with a stable ``code``
    ├── ConfigurationError   ours: a right, secret, bucket or address is wrong; the process ends and says which setting
    └── TransientError       the world's: a dependency is unavailable; wait for it and try again
    anything else            ours too: a bug; the process ends with its traceback

A ``code`` is part of the public contract: kebab-case, never renamed, documented in docs/operations/errors.md.
``remedy`` is one sentence that tells a person what to do about it.
"""

from __future__ import annotations


class JournalclipError(Exception):
    """Base of the errors that journalclip raises on purpose."""


class TransientError(JournalclipError):
    """A dependency is unavailable (a timeout, a reset, a 503); trying again may work.

    ``dependency`` names it ("store", "bus", "registry", ...; empty where it is not known). ``certain`` says that the
    dependency itself declared that it can serve nobody, such as a full disk, so that no single input can be to blame.
    """

    def __init__(self, message: str, dependency: str = "", certain: bool = False) -> None:
        super().__init__(message)
        self.dependency, self.certain = dependency, certain


class ConfigurationError(JournalclipError):
    """This installation is set up wrongly; no input is to blame, so nothing is dead-lettered.

    ``code`` is stable; ``reason`` keeps the dependency's own words; ``remedy`` names the setting or command.
    """

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason, self.remedy = code, reason, remedy

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[str, str, str]]:
        return (ConfigurationError, (self.code, self.reason, self.remedy))


class PermanentError(JournalclipError):
    """This input will never work; ``code`` is stable, ``reason`` and ``remedy`` are for people."""

    def __init__(self, code: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[PermanentError], tuple[str, str, str]]:
        # Ray hands errors between our own processes by pickle; a subclass is rebuilt as its base, which says it all.
        return (PermanentError, (self.code, self.reason, self.remedy))
