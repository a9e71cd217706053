"""What words mean: groups of names of one thing, which things are kinds or parts of others, and what is a sign of what.

The list is ours, reviewed and shipped (``data/concepts.txt``); it says in its head how to read it. A concept is found
in a text by the longest of its names; the concept then stands for all names. A name in capitals of up to three
letters is an abbreviation and counts in captions only when it is written in capitals ("MS" is not "ms").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from journalclip_inference.analysis.lists import DATA
from journalclip_inference.analysis.plurals import singular
from journalclip_inference.analysis.stems import STEMS
from journalclip_inference.analysis.tokens import Word, words_of

Kind = Literal["modality", "sequence", "plane", "side", "stage", "site", "finding", "sign", "procedure", "quality"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LIST = DATA / "concepts.txt"
# Passed over within a name: "sheet of the cells".
SKIPPED = frozenset({"a", "an", "the", "of", "der", "die", "das", "des", "del", "de", "la", "le", "les", "du"})
_SHORT = 3  # letters of an abbreviation that may be a word


@dataclass(frozen=True)
class Concept:
    """One thing with its names. ``broader``: what it is a kind or a part of. ``suggests``: what it is a sign of."""

    id: str
    kind: Kind
    names: tuple[str, ...]
    broader: tuple[str, ...] = ()
    suggests: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Found:
    """A concept in a text, from word ``first`` up to and without word ``end``."""

    concept: Concept
    first: int
    end: int


class _Node:
    __slots__ = ("capitals", "concept", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.concept: Concept | None = None
        self.capitals = False


class Concepts:
    """The list, ready to be found in texts."""

    def __init__(self, concepts: Sequence[Concept]) -> None:
        self.by_id: dict[str, Concept] = {concept.id: concept for concept in concepts}
        self.narrower = _reversed(self.by_id.values(), "broader")
        self.signs = _reversed(self.by_id.values(), "suggests")
        self._tries = {language: self._trie(language) for language in ("en", *STEMS)}
        self._ancestors = {concept_id: tuple(self._above(concept_id)) for concept_id in self.by_id}
        self.words = frozenset(
            word.text for each in concepts for name in each.names for word in words_of(name) if word.text.isalpha()
        )

    def ancestors(self, concept_id: str) -> tuple[str, ...]:
        """Everything that a concept is a kind or a part of, nearest first."""
        return self._ancestors[concept_id]

    def find(self, words: Sequence[Word], language: str, stems: Sequence[str], strict: bool = True) -> list[Found]:
        """Concepts of a text from left to right, the longest name at each place, none over another.

        ``strict``: an abbreviation must be written in capitals.
        """
        found, at = [], 0
        root = self._tries.get(language, self._tries["en"])
        while at < len(words):
            if stems[at] not in root.next:
                at += 1
                continue
            best = self._longest(words, language, stems, at, len(words), strict)
            if best is not None:
                found.append(best)
            at = best.end if best is not None else at + 1
        return found

    def within(
        self, words: Sequence[Word], language: str, stems: Sequence[str], whole: Found, strict: bool = False
    ) -> list[Found]:
        """Concepts inside a found one: its parts, where it stands for more than one word."""
        found, at = [], whole.first
        while at < whole.end:
            end = whole.end - 1 if at == whole.first else whole.end
            best = self._longest(words, language, stems, at, end, strict)
            if best is not None:
                found.append(best)
            at = best.end if best is not None else at + 1
        return found

    def _longest(
        self, words: Sequence[Word], language: str, stems: Sequence[str], at: int, end: int, strict: bool
    ) -> Found | None:
        node: _Node | None = self._tries.get(language, self._tries["en"])
        best: Found | None = None
        for n in range(at, end):
            word = words[n]
            if n > at and (word.clause != words[at].clause or word.comma):
                break
            if n > at and word.text in SKIPPED:
                continue
            node = node.next.get(stems[n]) if node else None
            if node is None:
                break
            capitals = node.capitals and strict
            if node.concept is not None and not (capitals and not all(w.capitals for w in words[at : n + 1])):
                best = Found(node.concept, at, n + 1)
        return best

    def _trie(self, language: str) -> _Node:
        stem = STEMS.get(language, singular)
        root = _Node()
        for concept in self.by_id.values():
            for name in concept.names:
                node = root
                for word in words_of(name):
                    if word.text not in SKIPPED or len(words_of(name)) == 1:
                        node = node.next.setdefault(stem(word.text), _Node())
                if node.concept is None:  # the first that claims a name keeps it; the tests allow no second
                    node.concept = concept
                    node.capitals = name.isupper() and name.isalpha() and len(name) <= _SHORT
        return root

    def _above(self, concept_id: str) -> Iterator[str]:
        seen, waiting = {concept_id}, list(self.by_id[concept_id].broader)
        while waiting:
            each = waiting.pop(0)
            if each not in seen:
                seen.add(each)
                yield each
                waiting.extend(self.by_id[each].broader)


def _reversed(concepts: Iterable[Concept], relation: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for concept in concepts:
        for other in getattr(concept, relation):
            found.setdefault(other, []).append(concept.id)
    return {each: tuple(ids) for each, ids in found.items()}


def parse(text: str) -> list[Concept]:
    """Concepts of a list as shipped. Raises ValueError with the line for what it cannot read."""
    found: list[Concept] = []
    kind: Kind | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.partition("#")[0].strip()
        if bare.startswith("["):
            name = bare.strip("[]")
            kind = next((each for each in KINDS if each == name), None)
        elif bare:
            concept_id, colon, rest = bare.partition(":")
            if not colon or kind is None:
                raise ValueError(f"line {number} is no concept: {line!r}")
            names, _, signs = rest.partition("~")
            names, _, broader = names.partition(">")
            found.append(
                Concept(concept_id.strip(), kind, _split(names, ";"), _split(broader, ","), _split(signs, ","))
            )
    known = {concept.id for concept in found}
    for concept in found:
        unknown = [each for each in (*concept.broader, *concept.suggests) if each not in known]
        if unknown or not concept.names:
            raise ValueError(f"{concept.id}: {unknown or 'no names'}")
    return found


def _split(text: str, mark: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(mark) if part.strip())


@lru_cache(maxsize=1)
def shipped() -> Concepts:
    return Concepts(parse(LIST.read_text(encoding="utf-8")))
