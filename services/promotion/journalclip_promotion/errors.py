"""What promotion refuses on purpose. A gate's "no" is not an error: it is a recorded decision.

PermanentError
├── GatesUnusable      gates-unusable       the YAML of gates does not say what it must
├── UnknownVersion     unknown-version      the registry has no such version
├── NoDocuments        no-documents         a version has no report: it was refused before it was measured
└── CannotRollBack     cannot-roll-back     nothing stood before, or it never passed the gates, or no longer verifies
TransientError
├── LockBusy           another promoter holds the lock for longer than we wait
└── Overtaken          another promoter changed the ledger first; the next attempt sees its entry
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError, TransientError


class GatesUnusable(PermanentError):
    """The YAML of gates does not say what it must."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__("gates-unusable", f"{where}: {reason}", "See services/promotion/README.md for every field.")


class UnknownVersion(PermanentError):
    """The registry has no such version."""

    def __init__(self, version: str) -> None:
        super().__init__("unknown-version", f"version {version} is not registered", "Run `journalclip models list`.")


class NoDocuments(PermanentError):
    """A version was never measured, so there is no report of it."""

    def __init__(self, version: str) -> None:
        super().__init__(
            "no-documents",
            f"version {version} has no report: no decision about it was made, or it was refused before it was measured",
            "`journalclip models explain` says which gate refused; `journalclip evaluate` measures it all the same.",
        )


class CannotRollBack(PermanentError):
    """There is nothing sound to go back to."""

    def __init__(self, reason: str) -> None:
        super().__init__("cannot-roll-back", reason, "`journalclip models list` shows which versions were champion.")


class LockBusy(TransientError):
    """Another promoter holds the lock."""


class Overtaken(TransientError):
    """Another promoter wrote the ledger's next entry first."""
