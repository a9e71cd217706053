"""What a call can raise besides the errors of the connection, which are httpx's own.

    ClientError
    ├── ServerRefused      the server said no, with a stable code, a reason and a remedy
    └── AnswerUnreadable   the server's answer is not what this version of the client reads
    ExtraMissing           (an ImportError) a library of an extra is not installed

`TextsCut` is a warning: the call succeeded, but the model did not read all of every text.
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of the errors that this package raises on purpose."""


class ServerRefused(ClientError):
    """The server said no. ``status`` is HTTP's, ``code`` is stable, ``reason`` and ``remedy`` are for people."""

    def __init__(self, status: int, code: str, reason: str, remedy: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.status, self.code, self.reason, self.remedy = status, code, reason, remedy

    def __reduce__(self) -> tuple[type[ServerRefused], tuple[int, str, str, str]]:
        return (ServerRefused, (self.status, self.code, self.reason, self.remedy))


class AnswerUnreadable(ClientError):
    """The answer lacks what this version of the client promises: another version of the server, or another server."""


class ExtraMissing(ImportError):
    """A library that only some methods need is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'journalclip-client[{extra}]'", name=library)


class TextsCut(UserWarning):
    """Some texts are longer than what the model reads; only their beginning was embedded."""
