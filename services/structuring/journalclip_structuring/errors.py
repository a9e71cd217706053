"""What can go wrong in structuring that a person should hear about, with stable codes.

PermanentError
├── UnreadableDocument     the event's document is not an `ExtractedArticle` of a version we know
└── BadSetting             the configured structurer cannot be built
TransientError
└── StructurerUnavailable  some texts of a delivery failed for the world's reasons; nothing was written
JournalclipError
└── StructurerStopped      all of them did: the loop ends, loses nothing, and says which setting to look at
"""

from __future__ import annotations

from journalclip_shared.errors import JournalclipError, PermanentError, TransientError


class UnreadableDocument(PermanentError):
    """The document does not validate: made by another version, or not by extraction."""

    def __init__(self, uri: str, errors: int) -> None:
        super().__init__(
            "document-unreadable",
            f"{uri} is not an extracted article of this version ({errors} errors)",
            "Extract the article again with the deployed version.",
        )


class BadSetting(PermanentError):
    """A setting names something that does not exist or cannot work."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__("structuring-setting-invalid", reason, remedy)


class StructurerUnavailable(TransientError):
    """Texts failed for reasons outside them; the delivery is tried again as a whole."""

    def __init__(self, code: str, reason: str, failed: int) -> None:
        super().__init__(f"{failed} texts not structured, first: {code}: {reason}")
        self.code = code


class StructurerStopped(JournalclipError):
    """No text can be done: a key, a name, a limit or a server is wrong. No dead letter, since no input is at fault."""

    def __init__(self, code: str, reason: str, failed: int) -> None:
        super().__init__(f"{code}: {reason} ({failed} texts wait)")
        self.code = code
