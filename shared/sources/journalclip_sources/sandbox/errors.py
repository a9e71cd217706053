"""The failures of a sandboxed parser. Each has a stable code, with which the file is refused.

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
    """The parser asked for more memory than its limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "parse-memory", reason, "Print the file to a new PDF, or raise JOURNALCLIP_LIMITS__MEMORY_BYTES."
        )


class ParseCrashed(PermanentError):
    """The parser process ended abnormally, or its output was not a valid answer."""

    def __init__(self, reason: str) -> None:
        super().__init__("parse-crashed", reason, "Print the file to a new PDF; if that works, report the original.")


class InputTooLarge(PermanentError):
    """The file is larger than the limit for input; no parser was started."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            "input-too-large",
            f"the file has {size} bytes, {limit} are allowed",
            "Split the file, or raise JOURNALCLIP_LIMITS__INPUT_BYTES.",
        )


class OutputTooLarge(PermanentError):
    """The article's images and text together are larger than the limit for output."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            "output-too-large",
            f"the article yields more than {limit} bytes of images and text",
            "Split the file, or raise JOURNALCLIP_LIMITS__OUTPUT_BYTES.",
        )
