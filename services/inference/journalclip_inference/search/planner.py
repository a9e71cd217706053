"""A query's words as weighted terms: concepts where words name one, single words where they do not.

A term is weighted by how rare it is, over all parts. It is earned in full where a caption says it, in part where only
the record or the article around the figure says it, where a caption says what it is a kind of, or a sign of it, or
parts of its name. What a query denies must be denied by the caption; what the caption asserts instead keeps the row
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from journalclip_inference.analysis import Analyzer
from journalclip_inference.analysis.analyzer import NEVER_DENIED, STOP, Reading, phrase_of
from journalclip_inference.analysis.concepts import Concept, Found, Kind
from journalclip_inference.analysis.languages import OTHERS
from journalclip_inference.analysis.lists import words
from journalclip_inference.analysis.negation import TRIGGERS
from journalclip_inference.analysis.plurals import singular
from journalclip_inference.analysis.stems import STEMS
from journalclip_inference.analysis.tokens import Word, words_of
from journalclip_inference.index.plan import Denied, Leaf, Plan, Term
from journalclip_inference.index.words import text_key
from journalclip_inference.search.query import Typed, typed
from journalclip_inference.search.vocabulary import Vocabulary

# What a row earns of a term that its caption does not say itself. Chosen by hand on the demo and not swept.
_FIGURE = 0.7
_WORD = 0.6  # the word, where it is part of the name of something else: "frontal" in "frontal bone"
_RECORD = 0.5
_AROUND = 0.3
_BROADER = 0.5
_SIGN = 0.7
_PARTS = 0.9
_TITLE_WORDS = 4  # words of content from which a query may be a title
_GRADED: frozenset[Kind] = frozenset({"finding", "sign", "procedure", "modality", "sequence"})  # half right is near
_FRAME = frozenset(words("asking", "frame"))


@dataclass(frozen=True)
class Understood:
    """A plan with what is to be told about it."""

    typed: Typed
    plan: Plan
    corrections: tuple[tuple[str, str], ...] = ()  # as typed, as read
    expansions: tuple[tuple[str, str], ...] = ()  # as typed, the thing that it names
    unknown: tuple[str, ...] = ()  # words that nothing in the collection says


class Planner:
    """Plans for one collection's vocabulary."""

    def __init__(self, reader: Analyzer, vocabulary: Vocabulary) -> None:
        self._reader = reader
        self._vocabulary = vocabulary

    def lookup(self, text: str) -> Understood:
        """What a query identifies and leaves out, its words unread: all that a search by looks needs of it."""
        asked = typed(text)
        without = tuple(token for word in asked.without for token in self._tokens(word))
        return Understood(asked, Plan(without=without, known=_keys(asked)))

    def plan(self, text: str) -> Understood:
        asked = typed(text)
        reading, corrections = self._corrected(self._read(asked.rest))
        terms, denied, expansions = self._terms(reading)
        quoted = [phrase_of(words_of(phrase)) for phrase in asked.phrases]
        terms += [term for phrase in asked.phrases for term in self._terms(self._read(phrase))[0]]
        unknown = tuple(term.said for term in terms if not self._occurs(term))
        plan = Plan(
            terms=tuple(self._weighed(terms)),
            denied=tuple(denied),
            without=tuple(token for word in asked.without for token in self._tokens(word)),
            phrases=tuple(tuple(words) for words in quoted if words),
            known=_keys(asked),
            title=self._title(asked.text),
        )
        return Understood(asked, plan, corrections, expansions, unknown)

    def _read(self, text: str) -> Reading:
        """In the language whose names cover most of it: a query of one word does not say its language."""
        best = self._reader.read(text, strict=False)
        if best.language != "en" or _covered(best.concepts) == len(best.words):
            return best
        for language in OTHERS:
            stems = [STEMS[language](word.text) for word in best.words]
            found = self._reader.concepts.find(best.words, language, stems, strict=False)
            if _covered(found) > _covered(best.concepts):
                best = replace(best, language=language, stems=tuple(stems), concepts=tuple(found))
        return best

    # --- words that nobody uses -------------------------------------------------------------------------------------

    def _corrected(self, reading: Reading) -> tuple[Reading, tuple[tuple[str, str], ...]]:
        """Read again with the words that were meant; a correction is told."""
        found: list[tuple[str, str]] = []
        text, shift = reading.text, 0
        for number, word in enumerate(reading.words):
            better = None if self._means_something(reading, number) else self._meant(word)
            if better is not None:
                found.append((reading.text[word.start : word.end], better))
                text = text[: word.start + shift] + better + text[word.end + shift :]
                shift += len(better) - (word.end - word.start)
        return (self._read(text), tuple(found)) if found else (reading, ())

    def _means_something(self, reading: Reading, number: int) -> bool:
        word = reading.words[number]
        if word.text in STOP or word.text in TRIGGERS or word.text in _FRAME or word.gap or not word.text.isalpha():
            return True
        if any(found.first <= number < found.end for found in reading.concepts):
            return True
        concept_words = self._reader.concepts.words
        return word.text in concept_words or any(
            stem in concept_words or self._vocabulary.known(stem) for stem in _stems(word)
        )

    def _meant(self, word: Word) -> str | None:
        spelling = self._vocabulary.spelling
        if halves := self._halves(word.text):
            return halves
        related = spelling.related(word.text)
        if related:
            return max(related, key=lambda each: (self._vocabulary.count(each), each))
        return spelling.nearest(word.text)

    def _halves(self, word: str) -> str | None:
        """Two words that were typed as one."""
        known = self._vocabulary.known
        cuts = [(word[:n], word[n:]) for n in range(4, len(word) - 3)]
        whole = [(a, b) for a, b in cuts if known(singular(a)) and known(singular(b))]
        return " ".join(whole[0]) if whole else None

    # --- terms ------------------------------------------------------------------------------------------------------

    def _terms(self, reading: Reading) -> tuple[list[Term], list[Denied], tuple[tuple[str, str], ...]]:
        terms: list[Term] = []
        denied: list[Denied] = []
        expansions: list[tuple[str, str]] = []
        at = {found.first: found for found in reading.concepts}
        number = 0
        while number < len(reading.words):
            found = at.get(number)
            if found is None:
                if self._counts(reading, number):
                    terms.append(self._word(reading, number))
                    denied += self._word_denied(reading, number)
                number += 1
                continue
            said = _said(reading, found.first, found.end)
            terms.append(self._concept(reading, found))
            denied += self._concept_denied(reading, found)
            if phrase_of(words_of(said)) != phrase_of(words_of(found.concept.label)):
                expansions.append((said, found.concept.label))
            number = found.end
        return terms, denied, tuple(dict.fromkeys(expansions))

    def _counts(self, reading: Reading, number: int) -> bool:
        """Whether a word asks for something; words of grammar and of asking do not, unless there is nothing else."""
        word = reading.words[number]
        if word.text in STOP or reading.denies[number]:
            return False
        frame = word.text in _FRAME
        others = any(w.text not in STOP and w.text not in _FRAME for w in reading.words)
        return not (frame and others)

    def _word(self, reading: Reading, number: int, whole: bool = True) -> Term:
        mark = "no:" if reading.denied[number] else ""
        tokens = [f"{mark}{stem}" for stem in _stems(reading.words[number], reading.stems[number])]
        counted = [token for token in tokens if self._vocabulary.count(token)] or tokens[:1]
        return Term(_said(reading, number, number + 1), self._weight(counted), self._leaves(counted, around=whole))

    def _word_denied(self, reading: Reading, number: int) -> list[Denied]:
        if not reading.denied[number]:
            return []
        stem = reading.stems[number]
        return [Denied((stem,), (f"no:{stem}",))]

    def _concept(self, reading: Reading, found: Found) -> Term:
        concept, is_denied = found.concept, reading.is_denied(found)
        said = _said(reading, found.first, found.end)
        token = f"no:c:{concept.id}" if is_denied else f"c:{concept.id}"
        near = [] if is_denied else list(self._near(concept))
        weight = self._weight([token]) if self._is_said(token) else self._weight([token, *(each for each, _ in near)])
        leaves = list(self._leaves([token]))
        if found.end == found.first + 1 and not is_denied:
            leaves.append(Leaf("caption", reading.stems[found.first], _WORD))
        if is_denied:
            return Term(said, weight, tuple(leaves))
        leaves += [Leaf("caption", each, self._share(each, share, weight)) for each, share in near]
        return Term(said, weight, tuple(leaves), self._parts(reading, found), _PARTS)

    def _near(self, concept: Concept) -> Iterator[tuple[str, float]]:
        """What earns a part of a concept: the things that it is a kind of, and its signs."""
        concepts = self._reader.concepts
        if concept.kind in _GRADED:
            for each in concept.broader:
                if concepts.by_id[each].kind == concept.kind:
                    yield f"c:{each}", _BROADER
        for each in concepts.signs.get(concept.id, ()):
            yield f"c:{each}", _SIGN

    def _is_said(self, token: str) -> bool:
        return self._vocabulary.count(token) > 0 or self._vocabulary.count(token, "around") > 0

    def _share(self, token: str, share: float, weight: float) -> float:
        """A thing that is said of many earns less: never more than by its own rarity."""
        return share * min(1.0, self._vocabulary.idf(self._vocabulary.count(token)) / weight)

    def _parts(self, reading: Reading, found: Found) -> tuple[Term, ...]:
        """The terms of a name of several words, one by one."""
        inside = range(found.first, found.end)
        numbers = [n for n in inside if reading.words[n].text not in STOP and not reading.denies[n]]
        if len(numbers) < 2 or any(reading.denies[found.first : found.end]):
            return ()
        inner = self._reader.concepts.within(reading.words, reading.language, reading.stems, found)
        covered = {n for each in inner for n in range(each.first, each.end)}
        parts = [self._concept(reading, each) for each in inner if each.concept.id != found.concept.id]
        return (*parts, *(self._word(reading, n, whole=False) for n in numbers if n not in covered))

    def _concept_denied(self, reading: Reading, found: Found) -> list[Denied]:
        if not reading.is_denied(found) or found.concept.kind in NEVER_DENIED:
            return []
        return [Denied((f"c:{found.concept.id}",), (f"no:c:{found.concept.id}",))]

    def _leaves(self, tokens: Sequence[str], around: bool = True) -> tuple[Leaf, ...]:
        found = [Leaf("caption", token, 1.0) for token in tokens]
        found += [Leaf("figure", token, _FIGURE) for token in tokens]
        found += [Leaf("record", token, _RECORD) for token in tokens]
        return (*found, *(Leaf("around", token, _AROUND) for token in tokens if around))

    # --- weights ----------------------------------------------------------------------------------------------------

    def _weight(self, tokens: Iterable[str]) -> float:
        """By the captions that say it (the most frequent token counts); by the articles where no caption does."""
        tokens = list(tokens)
        count = max(self._vocabulary.count(token) for token in tokens)
        return self._vocabulary.idf(count or max(self._vocabulary.count(token, "around") for token in tokens))

    def _occurs(self, term: Term) -> bool:
        if any(self._vocabulary.count(leaf.token, leaf.field) for leaf in term.leaves):
            return True
        return bool(term.parts) and all(self._occurs(part) for part in term.parts)

    def _weighed(self, terms: Sequence[Term]) -> list[Term]:
        """A thing that nothing says counts as much as the mean of the others, not as the rarest of all: else one word
        that the collection lacks would outweigh all that it has."""
        known = [term.weight for term in terms if self._occurs(term)]
        mean = sum(known) / len(known) if known else 1.0
        return [term if self._occurs(term) or not known else replace(term, weight=mean) for term in terms]

    # --- look-ups ---------------------------------------------------------------------------------------------------

    def _title(self, text: str) -> tuple[str, ...]:
        words = phrase_of(words_of(text))
        content = [word for word in dict.fromkeys(words) if word not in STOP]
        return tuple(content) if len(content) >= _TITLE_WORDS else ()

    def _tokens(self, word: str) -> list[str]:
        """What a row must not have that must not say a word: the word, or the concept that it names."""
        reading = self._read(word)
        if reading.concepts and _covered(reading.concepts) == len(reading.words):
            return [f"c:{each.concept.id}" for each in reading.concepts]
        return [stem for n, word_ in enumerate(reading.words) for stem in _stems(word_, reading.stems[n])]


def _keys(asked: Typed) -> tuple[tuple[str, ...], ...]:
    """Keys of exact look-ups: what identifies, the whole caption, the whole title."""
    named = [f"id:{each}" for each in asked.ids] + [f"doi:{each}" for each in asked.dois]
    named += [f"file:{each}" for each in asked.files]
    words = phrase_of(words_of(asked.text))
    texts = [(text_key(kind, words),) for kind in ("caption", "title")] if len(words) >= 3 else []
    return (tuple(named), *texts) if named else ((), *texts) if texts else ()


def _said(reading: Reading, first: int, end: int) -> str:
    return reading.text[reading.words[first].start : reading.words[end - 1].end]


def _covered(found: Sequence[Found]) -> int:
    return sum(each.end - each.first for each in found)


def _stems(word: Word, first: str = "") -> list[str]:
    """The stem that the query's language gives, and those of the others: captions may be in any."""
    found = [first, singular(word.text), *(stem(word.text) for stem in STEMS.values())]
    return list(dict.fromkeys(filter(None, found)))
