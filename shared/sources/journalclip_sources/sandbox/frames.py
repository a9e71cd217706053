"""Frames: how bytes cross from the child. Each is an 8-byte big-endian length and that many bytes; no more, no less.

The reader believes nothing: a length beyond what arrived, a missing frame and trailing bytes all raise `BadFrames`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

_HEAD = 8


class BadFrames(ValueError):
    """The bytes are not a whole number of whole frames."""


def write_frames(descriptor: int, frames: Iterable[bytes]) -> None:
    for frame in frames:
        _write_all(descriptor, len(frame).to_bytes(_HEAD, "big"))
        _write_all(descriptor, frame)


def split_frames(data: bytes | bytearray) -> list[bytes]:
    """Inverse of `write_frames` over the whole answer. Raises `BadFrames`."""
    view, at = memoryview(data), 0
    frames: list[bytes] = []
    while at < len(view):
        size = int.from_bytes(view[at : at + _HEAD], "big")
        at += _HEAD
        if at + size > len(view):
            raise BadFrames(f"frame {len(frames)} of {size} bytes is cut")
        frames.append(bytes(view[at : at + size]))
        at += size
    return frames


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
