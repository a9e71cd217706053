"""The errors of structuring that a person must see, with stable codes.

PermanentError
├── UnreadableDocument     the event's document is not an `ExtractedArticle` of a known version
└── BadSetting             the configured structurer cannot be built
ConfigurationError
└── StructurerStopped      a key, an address, a model's name or the spend cap is wrong; no text can be structured
TransientError
└── StructurerUnavailable  the endpoint is unavailable for now; nothing was written
"""

from __future__ import annotations

from journalclip_shared.errors import ConfigurationError, PermanentError, TransientError


class UnreadableDocument(PermanentError):
    """The document is not valid: another version wrote it, or it is not from extraction."""

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
    """Texts failed, but not because of their content; the whole delivery is tried again."""

    def __init__(self, code: str, reason: str, failed: int) -> None:
        super().__init__(f"{failed} texts not structured, first: {code}: {reason}", dependency="endpoint")
        self.code = code


class StructurerStopped(ConfigurationError):
    """No text can be structured until a person corrects ``setting``; the inputs are not the cause."""

    def __init__(self, code: str, reason: str, setting: str) -> None:
        super().__init__(code, reason, f"Look at {setting}; docs/operations/errors.md says what the code means.")
