"""What a series' header says of how it was made: numbers and closed vocabularies, nothing free.

`SeriesFacts` is all that is kept of a header. ``words`` (descriptions, protocol names) help to recognise the sequence
inside the child and are dropped there: people write names into them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class SeriesFacts:
    """Times in ms, b-value in s/mm2; None where the header does not say."""

    te: float | None = None
    tr: float | None = None
    ti: float | None = None
    flip: float | None = None
    b_value: float | None = None
    field_t: float | None = None
    contrast_agent: bool = False
    scanning: frozenset[str] = frozenset()  # SE, IR, GR, EP, RM
    kinds: frozenset[str] = frozenset()  # terms of Image Type, and Acquisition Contrast
    body_part: str = ""  # Body Part Examined; dropped with the words
    words: str = ""

    def without_words(self) -> SeriesFacts:
        return replace(self, words="", body_part="")
