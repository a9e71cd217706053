"""The three kinds of error, and how each one ends.

    JournalclipError
    ├── TransientError    the world is briefly unwell: retried, bounded and jittered
    └── PermanentError    this input will never work: dead letter + quarantine, with a stable ``code``
    anything else         a bug: the process crashes, and its restart is the recovery

A ``code`` is part of the public contract: kebab-case, never renamed, documented in docs/operations/errors.md.
``remedy`` is one sentence that tells a person what to do about it.
"""

from __future__ import annotations


class JournalclipError(Exception):
    """Base of the errors that journalclip raises on purpose."""


class TransientError(JournalclipError):
    """Something outside is briefly unwell (a timeout, a reset, a 503); trying again may work."""


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
