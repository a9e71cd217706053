"""Seeded damage: a mutant is a good file with a few wounds, and the same seed gives the same mutants for ever."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

_NUMBER = re.compile(rb"\d{1,10}")
_NAME = re.compile(rb"/[A-Z][A-Za-z0-9]{1,15}")
_REFERENCE = re.compile(rb"\d{1,5} 0 R")
_EXTREMES = (
    b"0",
    b"-1",
    b"1",
    b"65536",
    b"2147483647",
    b"-2147483648",
    b"4294967296",
    b"99999999999999999999",
    b"1e38",
)
_NAMES = (
    b"/Pages",
    b"/Page",
    b"/XObject",
    b"/Form",
    b"/Image",
    b"/FlateDecode",
    b"/DCTDecode",
    b"/LZWDecode",
    b"/Font",
)
_MOST_WOUNDS = 8

Wound = Callable[[bytearray, random.Random], None]


def mutants(bases: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``count`` damaged copies, each of a base chosen by ``seed``."""
    return (mutant(bases, seed, number) for number in range(count))


def mutant(bases: Sequence[bytes], seed: int, number: int) -> bytes:
    """One of them, without making those before it."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable, not secret
    data = bytearray(rng.choice(bases))
    for _ in range(rng.randint(1, _MOST_WOUNDS)):
        rng.choice(_WOUNDS)(data, rng)
    return bytes(data)


def _span(data: bytearray, rng: random.Random, longest: int) -> slice:
    start = rng.randrange(len(data) + 1)
    return slice(start, min(len(data), start + rng.randint(1, longest)))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 20)):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _delete(data: bytearray, rng: random.Random) -> None:
    del data[_span(data, rng, 2000)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng, 500)
    data[span] = data[span] * rng.randint(2, 40)


def _move(data: bytearray, rng: random.Random) -> None:
    piece = bytes(data[_span(data, rng, 3000)])
    at = rng.randrange(len(data) + 1)
    data[at:at] = piece


def _noise(data: bytearray, rng: random.Random) -> None:
    span = _span(data, rng, 200)
    data[span] = rng.randbytes(span.stop - span.start)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) // 4, len(data) + 1) :]


def _swap_token(pattern: re.Pattern[bytes], choices: Callable[[bytearray, random.Random], bytes]) -> Wound:
    def wound(data: bytearray, rng: random.Random) -> None:
        found = pattern.search(data, rng.randrange(len(data) + 1)) or pattern.search(data)
        if found:
            data[found.start() : found.end()] = choices(data, rng)

    return wound


def _another_reference(data: bytearray, rng: random.Random) -> bytes:
    return b"%d 0 R" % rng.randint(0, max(2, data.count(b"endobj") + 1))


_number = _swap_token(_NUMBER, lambda _, rng: rng.choice(_EXTREMES))
_name = _swap_token(_NAME, lambda _, rng: rng.choice(_NAMES))
_reference = _swap_token(_REFERENCE, _another_reference)

_WOUNDS: tuple[Wound, ...] = (
    _flip, _delete, _repeat, _move, _noise, _cut, _number, _number, _name, _reference, _reference,
)  # fmt: skip
