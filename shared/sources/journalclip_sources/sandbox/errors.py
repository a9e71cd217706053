"""The ways in which a sandboxed child can fail: its file is refused with one of these codes.

PermanentError
└── parse-timeout, parse-memory, parse-crashed, input-too-large, output-too-large
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError


class ParseTimeout(PermanentError):
    """The parser used up its CPU or wall-clock time and was killed."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "parse-timeout", reason, "Print the file to a new PDF, or raise JOURNALCLIP_LIMITS__CPU_S and __WALL_S."
        )


class ParseMemory(PermanentError):
    """The parser asked for more memory than it may have."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "parse-memory", reason, "Print the file to a new PDF, or raise JOURNALCLIP_LIMITS__MEMORY_BYTES."
        )


class ParseCrashed(PermanentError):
    """The parser died, or said something that is not an answer."""

    def __init__(self, reason: str) -> None:
        super().__init__("parse-crashed", reason, "Print the file to a new PDF; if that works, report the original.")


class InputTooLarge(PermanentError):
    """The file is larger than any article; no parser was started."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "input-too-large",
            f"the file has {size} bytes, {limit} are allowed",
            "Split the file, or raise JOURNALCLIP_LIMITS__INPUT_BYTES.",
        )


class OutputTooLarge(PermanentError):
    """The article's images and text exceed what one article may yield."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "output-too-large",
            f"the article yields more than {limit} bytes of images and text",
            "Split the file, or raise JOURNALCLIP_LIMITS__OUTPUT_BYTES.",
        )
