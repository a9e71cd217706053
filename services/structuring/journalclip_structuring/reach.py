"""How far a cue reaches: along lists, past complements, to the end of its clause.

There is no parser: word classes of the vocabulary `context` (prepositions, articles, words that end a clause) tell what
a reach may cross. "No enhancement of the lesion" denies the enhancement, "no evidence of a lesion" the lesion; a list
after "no" goes on with "or", and with "and" or a comma while nothing says that the next thing is there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from journalclip_structuring.vocabulary import source_text

REACH: Final = 14  # words that follow one another without a list; clauses of captions are shorter
_TOKEN = re.compile(r"\w+(?:[-‐‑–'’/]\w+)*|[^\w\s]")
_DASHES = frozenset("—–")
_SEPARATORS = frozenset({",", "&"})


@dataclass(frozen=True)
class Cue:
    """A phrase that denies, hedges or mentions; ``role`` is its key in the vocabulary."""

    role: str
    start: int
    end: int
    words: str


@dataclass(frozen=True)
class Token:
    word: str
    start: int
    end: int


@cache
def words_of(name: str) -> frozenset[str]:
    """The word class of that name."""
    return frozenset(tomllib.loads(source_text("context"))["classes"][name])


@lru_cache(maxsize=512)
def tokens(sentence: str) -> tuple[Token, ...]:
    return tuple(Token(each.group().lower(), each.start(), each.end()) for each in _TOKEN.finditer(sentence))


def reaches(cue: Cue, start: int, end: int, sentence: str) -> bool:
    """Is ``sentence[start:end]`` within the reach of the cue?"""
    side = cue.role.partition(" ")[2]
    if side in {"after", "doubtful"} or (side == "both" and cue.start >= end):
        return cue.start >= end and _back(cue, end, start, sentence)
    if side == "suffix":
        return cue.start == end
    if cue.end > start:
        return False
    if side == "prefix":
        return cue.end == start
    if side == "direct":
        return all(token.word in words_of("light") for token in _between(sentence, cue.end, start))
    return _Forward(cue, start, end, sentence).arrives()


def _between(sentence: str, start: int, end: int) -> list[Token]:
    return [token for token in tokens(sentence) if token.start >= start and token.start < end]


class _Forward:
    """Walks from a cue to a finding that follows it."""

    def __init__(self, cue: Cue, start: int, end: int, sentence: str) -> None:
        self.cue = cue
        self.path = _between(sentence, cue.end, start)
        self.rest = _between(sentence, end, len(sentence))
        self.line = [*self.path, Token("*", start, end), *self.rest]  # the finding as one token
        self.head: str | None = None
        self.complement = False
        self.words = 0

    def arrives(self) -> bool:
        """True where nothing on the way ends the reach and the finding is not what only complements another noun."""
        if self._modifies():
            return False
        at = 0
        while at < len(self.path):
            step = self._step(at)
            if step is None:
                return False
            at += step
        return not self.complement

    def _modifies(self) -> bool:
        """ "No tumor enhancement" denies no tumor."""
        following = self.rest[0].word if self.rest else ""
        return self.cue.role.startswith("deny") and following in words_of("inert")

    def _step(self, at: int) -> int | None:
        """How many tokens to go on; None where the reach ends."""
        word = self.path[at].word
        if word in ".;?!" or word in _DASHES:
            return None
        if word == ":":
            return 1 if self.head is None else None
        if word in "()[]\"'“”‘’*=":
            return 1
        if len(word) == 1 and self.path[at - 1 : at] and self.path[at - 1].word == "(":
            return 1  # the letter of a panel
        if word == "as":
            return self._as_well(at)
        if word in words_of("conjunction") or word in _SEPARATORS:
            return self._list(at)
        if word in _SEEN and self.head is None:
            return 1  # "without visible metastases"
        if word in words_of("stop"):
            return None
        if word == "with" or word == "without":
            return self._with(at, word)
        if word in words_of("preposition"):
            return self._preposition(at, word)
        if word in words_of("definite") or word in words_of("indefinite"):
            return 1 if self.head is None else None
        return self._content(word)

    def _content(self, word: str) -> int | None:
        self.words += 1
        action = word.endswith("ing") and word not in words_of("gerund")
        if self.words > REACH or (action and self.words == 1 and self.cue.words.startswith("w")):
            return None
        self.head = word
        return 1

    def _as_well(self, at: int) -> int | None:
        phrase = [token.word for token in self.path[at : at + 3]]
        return self._list(at + 2, 3) if phrase == ["as", "well", "as"] else None

    def _preposition(self, at: int, word: str) -> int | None:
        if self.head is None:
            return 1
        nothing_new = self._next(at) in words_of("definite")
        if self.head in words_of("transparent") and (word in {"of", "for", "to", "as"} or not nothing_new):
            self.head = None
        elif word != "of" or nothing_new or self.head in words_of("inert") or not self._denies():
            self.complement = True
        else:
            self.head = None  # "no pockets of hemorrhage"
        return 1

    def _with(self, at: int, word: str) -> int | None:
        """ "No mass with enhancement" denies both; "no shift with a large hematoma" does not."""
        bare = self._next(at) not in words_of("affirming") | words_of("indefinite") | words_of("definite")
        if word == "with" and bare and self._denies() and not self.cue.words.startswith("w") and self.head:
            return 1
        return None

    def _denies(self) -> bool:
        return self.cue.role.startswith("deny")

    def _next(self, at: int) -> str:
        return self.line[at + 1].word if at + 1 < len(self.line) else ""

    def _list(self, at: int, width: int = 1) -> int | None:
        """At a comma or a conjunction: does the list go on?"""
        separators = {self.line[at].word}
        item = at + 1
        while self.line[item].word in words_of("conjunction") or self.line[item].word in _SEPARATORS:
            separators.add(self.line[item].word)
            item += 1
        if self.cue.words.endswith(" of") and self.line[item].word == "of":
            item += 1  # "absence of hydrocephalus and of midline shift"
        if self._goes_on(separators, item):
            self.complement, self.head = False, None
            return width + item - at - 1
        return None

    def _goes_on(self, separators: set[str], item: int) -> bool:
        first = self.line[item].word
        if first in {"no", "not", "without"}:
            return False
        if separators & {"or", "nor", "and/or"} or (self._closing(item) == "or"):
            return True
        if self.cue.words == "neither" or self.complement:
            return False
        if separators & {"and", "&", "plus", "as"}:
            return self._bare(item) and not self._new_clause(item)
        return (self._bare(item) and not self._new_clause(item) and self._closing(item) is not None) or self._ends(item)

    def _item(self, at: int) -> Sequence[str]:
        """The words from here to the next separator, stop or end."""
        words = []
        for token in self.line[at:]:
            if token.word in words_of("conjunction") | _SEPARATORS or token.word in ".;:?!" or token.word in _DASHES:
                break
            words.append(token.word)
        return words

    def _bare(self, at: int) -> bool:
        """Does nothing in the item say that it is there? Sides, sizes and its own article do."""
        words = self._item(at)
        place = next((n for n, word in enumerate(words) if word in words_of("preposition")), len(words))
        articles = words_of("definite") | words_of("indefinite")
        own = any(word in articles for word in words[:place])  # "on the scan" is another noun's
        return not own and not any(word in words_of("affirming") or word[:1].isdigit() for word in words)

    def _ends(self, at: int) -> bool:
        """A bare thing that ends the sentence: "No hemorrhage, edema." """
        words = self._item(at)
        return self._bare(at) and len(words) <= 3 and not any(word in words_of("preposition") for word in words)

    def _new_clause(self, at: int) -> bool:
        """ "No hemorrhage and aneurysm is occluded"; not "no hemorrhage and edema were seen"."""
        item = list(self._item(at))
        verb = next((n for n, word in enumerate(item) if word in words_of("stop")), None)
        if verb is not None and item[verb] in _TIMES:
            return False  # "no edema and shift after steroids"
        if verb is None or verb == 0:
            return False
        return not any(word in _SEEN or word in {"noted", "present"} for word in item[verb : verb + 3])

    def _closing(self, at: int) -> str | None:
        """The conjunction that ends the list which goes on here."""
        for token in self.line[at:]:
            if (
                token.word in ".;:?!"
                or token.word in _DASHES
                or token.word in {"but", "which", "however", "no", "without"}
            ):
                return None
            if token.word in words_of("stop") and token.word not in _SEEN:
                return None
            if token.word in {"or", "nor", "and/or"}:
                return "or"
            if token.word in {"and", "&"}:
                return "and"
        return None


_TIMES: Final = frozenset({"after", "before", "during", "following", "since", "until"})
_MAIN_CLAUSE: Final = r",\s*(?:is|was|are|were|shows?|showed|has|had|appears?)\b"
_SEEN: Final = frozenset(
    {"seen", "found", "visible", "evident", "present", "identified", "detected", "observed", "noted"}
)


def _back(cue: Cue, end: int, start: int, sentence: str) -> bool:
    """From a cue back to a finding before it: the head of the subject, or one of several."""
    between = _without_aside([token.word for token in _between(sentence, end, cue.start)])
    if between and between[-1] in {"which", "that"}:
        if re.search(_MAIN_CLAUSE, sentence[cue.end :]):
            return False  # "the infarct, which was not seen on CT, is bright on DWI"
        between.pop()
    if between and between[-1] == ",":
        if cue.words.startswith("not") and re.search(_MAIN_CLAUSE, sentence[cue.end :]):
            return False
        between.pop()
    if "(" in between and ")" not in between:
        return False
    if len(between) > REACH or any(_breaks(word) for word in between) or not _one_list(between):
        return False
    singular = re.match(r"(?:is|was|has|remains)\b", cue.words) is not None
    if singular and "and" in between and between[-1] != "and":
        return False
    if cue.role != "deny after" and between and between[0] in {"and", "with", "without"}:
        return False
    return not _complement(sentence, start)


def _without_aside(between: list[str]) -> list[str]:
    """The words without a clause in commas behind the finding ("the stenosis, which had been severe, is gone")."""
    aside = len(between) > 3 and between[0] == "," == between[-1] and between[1] in {"which", "who", "that", "whose"}
    return [] if aside and between.count(",") == 2 else between


def _breaks(word: str) -> bool:
    ends = word in words_of("stop") and word not in _SEEN
    return ends or word in ".;!?—" or word in {"but", "no", "not", "without"}


def _one_list(between: Sequence[str]) -> bool:
    """A comma is crossed only within a list that a conjunction closes."""
    if "," not in between:
        return True
    last = len(between) - 1 - list(reversed(between)).index(",")
    return any(word in words_of("conjunction") for word in between[last:])


def _complement(sentence: str, start: int) -> bool:
    """Does the finding only complement another noun ("enhancement of the lesion was not seen")?"""
    before = [token.word for token in tokens(sentence) if token.end <= start]
    for place in range(len(before) - 1, -1, -1):
        word = before[place]
        if word in words_of("stop") or word in ",.;:!?()" or word in words_of("conjunction") or word == "with":
            return False
        if word in words_of("preposition"):
            head = before[place - 1] if place else ""
            return head not in words_of("transparent")
        article = word in words_of("definite") or word in words_of("indefinite")
        if article and place and before[place - 1] not in words_of("preposition"):
            return False  # "on MRI the tear was not seen": a noun phrase of its own
    return False
