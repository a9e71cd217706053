"""From a text to what is indexed and asked for.

A token is a word's stem ("hematoma"), a concept ("c:subdural_hematoma", and all that it is a kind or a part of), or
either of them denied ("no:fracture"). What a caption denies never counts as said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from journalclip_inference.analysis import concepts as concept_list
from journalclip_inference.analysis.concepts import Concepts, Found, Kind
from journalclip_inference.analysis.languages import LITTLE, Language, language_of
from journalclip_inference.analysis.lists import DATA
from journalclip_inference.analysis.negation import denials
from journalclip_inference.analysis.plurals import singular
from journalclip_inference.analysis.stems import STEMS
from journalclip_inference.analysis.tokens import Word, words_of

# Raise the number when a rule changes its answers: indexes made before are then built anew. The lists count by
# themselves.
_RULES = "5"


def _version() -> str:
    lists = b"".join(path.read_bytes() for path in sorted(DATA.iterdir()))
    return f"{_RULES}.{hashlib.sha256(lists).hexdigest()[:8]}"


ANALYSIS = _version()
NEVER_DENIED: frozenset[Kind] = frozenset({"modality", "sequence", "plane", "side", "stage"})
STOP = frozenset().union(*LITTLE.values())


@dataclass(frozen=True)
class Reading:
    """A text, understood: words, their stems, which are denied or deny, and the concepts they name."""

    text: str
    language: Language
    words: tuple[Word, ...]
    stems: tuple[str, ...]
    denied: tuple[bool, ...]
    denies: tuple[bool, ...]
    concepts: tuple[Found, ...]

    def is_denied(self, found: Found) -> bool:
        """Whether a concept is denied by words outside its own name."""
        if found.concept.kind in NEVER_DENIED or any(self.denies[found.first : found.end]):
            return False
        return any(self.denied[found.first : found.end])


class Analyzer:
    """One list of concepts and the rules."""

    def __init__(self, concepts: Concepts) -> None:
        self.concepts = concepts

    def read(self, text: str, strict: bool = True) -> Reading:
        """``strict`` as for captions: short abbreviations must be written in capitals."""
        words = words_of(text)
        language = language_of([word.text for word in words], text)
        stem = STEMS.get(language, singular)
        stems = [stem(word.text) for word in words]
        denied, denies = denials(words, text)
        found = self.concepts.find(words, language, stems, strict)
        return Reading(text, language, tuple(words), tuple(stems), tuple(denied), tuple(denies), tuple(found))

    def tokens(self, text: str) -> list[str]:
        """What is indexed of a caption, in order of the text, each as often as it is said."""
        return [token for _, _, token in self.placed(self.read(text))]

    def placed(self, reading: Reading) -> list[tuple[int, int, str]]:
        """Tokens with the characters they stand for."""
        found = [
            (word.start, word.end, f"no:{stem}" if denied else stem)
            for word, stem, denied, denies in zip(
                reading.words, reading.stems, reading.denied, reading.denies, strict=True
            )
            if word.text not in STOP and not denies
        ]
        for each in reading.concepts:
            start, end = reading.words[each.first].start, reading.words[each.end - 1].end
            found.extend((start, end, token) for token in self.concept_tokens(each, reading.is_denied(each)))
        return found

    def concept_tokens(self, found: Found, denied: bool) -> list[str]:
        """A concept and all above it. To deny a kind is not to deny the whole: a haematoma may lie elsewhere."""
        if denied:
            return [f"no:c:{found.concept.id}"]
        return [f"c:{each}" for each in (found.concept.id, *self.concepts.ancestors(found.concept.id))]


def phrase_of(words: Sequence[Word]) -> list[str]:
    """The words one after the other as a quoted phrase is looked up: one spelling, number as written."""
    return [word.text for word in words]


@lru_cache(maxsize=1)
def analyzer() -> Analyzer:
    """With the shipped list."""
    return Analyzer(concept_list.shipped())
