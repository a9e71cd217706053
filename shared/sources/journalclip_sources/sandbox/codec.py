"""What a child answers: frames, the first of which is JSON: a result or an error.

Decoding rebuilds plain values, so a compromised child can lie about a source but cannot make the parent run, open or
decode anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from journalclip_shared.errors import PermanentError
from journalclip_sources.sandbox.frames import BadFrames

Options = TypeVar("Options")
Result = TypeVar("Result")

_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+){0,5}")
_MAX_REASON = 2000  # characters that a child may put into an error; the fact that carries it allows 4,000


class Codec(Protocol[Options, Result]):
    """How one kind of source crosses between parent and child: options in, a result or an error out, as frames."""

    def encode_options(self, options: Options) -> bytes: ...

    def decode_options(self, data: bytes) -> Options: ...

    def encode(self, result: Result) -> list[bytes]: ...

    def decode(self, frames: Sequence[bytes]) -> Result | PermanentError:
        """Raises `BadFrames` for anything that `encode` or `encode_error` cannot have made."""
        ...


def encode_error(error: PermanentError) -> list[bytes]:
    """The one frame of an error, the same for every codec: ``{"error": [code, reason, remedy]}``."""
    return [json.dumps({"error": [error.code, error.reason, error.remedy]}).encode()]


def child_error(code: str, reason: str, remedy: str) -> PermanentError:
    """A child's error as ours, its words cut short. Raises `BadFrames` where the code has not our form."""
    if not _CODE.fullmatch(code):
        raise BadFrames("the error's code is not one of ours")
    return PermanentError(code, reason[:_MAX_REASON], remedy[:_MAX_REASON])
