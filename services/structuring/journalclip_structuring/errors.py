"""What can go wrong in structuring that a person should hear about, with stable codes.

PermanentError
├── UnreadableDocument     the event's document is not an `ExtractedArticle` of a version we know
└── BadSetting             the configured structurer cannot be built
ConfigurationError
└── StructurerStopped      a key, an address, a model's name or the spend cap is wrong: no text can be done
TransientError
└── StructurerUnavailable  the endpoint is gone for now; nothing was written
"""

from __future__ import annotations

from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError


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
        super().__init__(f"{failed} texts not structured, first: {code}: {reason}", dependency="endpoint")
        self.code = code


class StructurerStopped(ConfigurationError):
    """No text can be done until a person has looked at ``setting``; no input is at fault."""

    def __init__(self, code: str, reason: str, setting: str) -> None:
        super().__init__(code, reason, f"Look at {setting}; docs/operations/errors.md says what the code means.")
