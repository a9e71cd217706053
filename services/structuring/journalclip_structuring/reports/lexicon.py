"""The phrases that the reader knows, and where a text holds them.

A `Mention` is the longest known phrase at its place, with every code that the phrase stands for: "no change" is both a
comparison and no denial. English is matched word by word, so that plural, hyphen and British or American spelling make
no difference; Chinese is matched character by character.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from journalclip_shared.ids import sha256_hex
from journalclip_structuring.reports.language import Language

Code = tuple[str, str]
Unit = tuple[int, int, tuple[str, str]]  # start, end, form as written and normalised
_TOKEN: Final = re.compile(r"[A-Za-z]+\d*[A-Za-z]*\*?|\d+(?:\.\d+)?|[^\W\d_]+|[^\w\s]")
_HYPHENS: Final = frozenset("-‐‑–")
_ALL: Final = ""  # key of a trie node that ends a phrase
_SIZE: Final = re.compile(
    r"(\d{1,3}(?:[.,]\d{1,2})?)\s*-?\s*(mm|cm|毫米|厘米|公分|公厘|MM|CM)?"
    r"(?:\s*(?:x|X|×|\*|by|✕)\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*(mm|cm|毫米|厘米|公分|公厘|MM|CM)?)?"
    r"(?:\s*(?:x|X|×|\*|by|✕)\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*(mm|cm|毫米|厘米|公分|公厘|MM|CM)?)?"
    r"(?:\s*(millimet(?:re|er)s?|centimet(?:re|er)s?))?"
)
_RELAXATION: Final = re.compile(
    r"(?P<a>[稍略较偏等]?(?:[长短等]))T1(?:WI)?(?:信号)?[、,及和\s]?(?:(?P<b>[稍略较偏等]?[长短等])?T2(?:WI)?)?"
    r"|(?P<c>[稍略较偏等]?[长短等])T2(?:WI)?"
)
# The midline, and whether it is where it belongs; the denial may stand inside.
_MIDLINE: Final = {
    "zh": re.compile(
        r"中线(?:结构|区|脑组织)?(?:[^,。;无未不左右]{0,6}?)(?P<no>无|未见|未|不|没有)?(?:明显|明确|确切|显著"
        r"|受压|略|稍|轻度|局部|可见)*"
        r"(?:向)?(?P<side>[左右])?侧?(?:明显|稍|略|轻度)*(?:偏移|移位|移|偏|偏离)"
    ),
    "en": re.compile(
        r"(?P<side>left|right)ward (?:midline )?shift"
        r"|(?<!midline )\bshift (?:of )?(?:\d[\d.]*\s*mm )?to(?:wards)? the (?:left|right)"
        r"|midline (?:structures? )?(?:is|are"
        r"|remains?) (?P<no>not )(?:significantly )?(?:shifted|displaced|deviated)"
        r"|(?:the )?(?:septum(?: pellucidum)?|falx|interhemispheric fissure|third ventricle|midline(?: structures?)?)"
        r" (?:(?:is|are|has been|have been) )?(?:\w+ly )?(?:shifted|displaced|deviated|pushed|bowed|bows|bulges)"
        r"(?=[^.;]{0,24}\b(?:to|towards?) the (?:left|right)\b)",
        re.IGNORECASE,
    ),
}
# Ventricles that are wide, in any order of words; what is wide after a loss of tissue is not.
_VENTRICLES: Final = re.compile(
    r"(?<!ex vacuo )\b(?:dilatation|dilation|enlargement|distension|distention)\s+of\s+(?:[\w-]+\s+){0,5}?"
    r"ventric(?:les|ular system)\b"
    r"|\b(?:dilated|enlarged|distended)\s+(?:[\w-]+\s+){0,4}?ventric(?:les|ular system)\b"
    r"|\bventric(?:les|ular system)\s+(?:is|are|appears?)\s+(?:\w+ly\s+|somewhat\s+)?(?:dilated|enlarged|distended)\b",
    re.IGNORECASE,
)
_SULCI: Final = re.compile(
    r"\b(?:widening|prominence|enlargement)\s+of\s+(?:[\w-]+\s+){0,5}?(?:sulci|sulcal spaces|CSF spaces)\b"
    r"(?:,? and (?:the )?(?:[\w-]+\s){0,2}?(?:fissures?|cisterns?|ventricles)\b)?"
    r"|\b(?:widened|prominent|enlarged)\s+(?:[\w-]+\s+){0,3}?(?:sulci|sulcal spaces|CSF spaces)\b"
    r"|\b(?:sulci|sulcal spaces|CSF spaces)(?: and (?:cerebral |the )?(?:ventricles|fissures|cisterns))?\s+"
    r"(?:is|are|appear)\s+(?:\w+ly\s+|somewhat\s+)?(?:prominent|widened|enlarged|dilated|wide)\b",
    re.IGNORECASE,
)
_VOLUME: Final = re.compile(
    r"\b(?:brain|cerebral|parenchymal|cortical|hippocampal|cerebellar|global|grey matter|gray matter)\s+volumes?\s+"
    r"(?:is|are|has been|have been|appears?)\s+(?:\w+ly\s+)?(?:reduced|diminished|decreased|low|lost)\b"
    r"|\b(?:reduction|loss|decrease)\s+(?:in|of)\s+(?:[\w-]+\s+){0,3}volumes?\b"
    r"|\b(?:reduced|diminished|decreased|low)\s+(?:[\w-]+\s+){0,2}volumes?\b",
    re.IGNORECASE,
)
# "DWI -" says that nothing is seen, and "T1-, T2-weighted" nothing of a signal: a minus counts behind ADC alone.
_SIGN: Final = re.compile(
    r"\b(?:(?:DWI|FLAIR|T2(?:WI?)?)\s*(?:(?P<up>\++|↑+)|(?P<down>↓+))|(?:ADC|T1(?:WI?)?)\s*(?:(?P<rise>↑+)|(?P<fall>↓+))"
    r"|T1(?:WI?)?\s*(?P<dark>[-−–])(?=\s*[,;/][^.]{0,24}?(?:T2|FLAIR)\w*\s*[+↑])"
    r"|ADC\s*(?P<minus>[-−–])|(?:T[12](?:WI?)?|FLAIR|DWI|ADC)\s*(?P<same>=))(?=\s*(?:[,;.)/]|$))"
)
_LONG_SHORT: Final = {
    ("长", "1"): "hypointense", ("短", "1"): "hyperintense", ("长", "2"): "hyperintense", ("短", "2"): "hypointense",
}  # fmt: skip


@dataclass(frozen=True)
class Mention:
    """A known phrase in a text."""

    start: int
    end: int
    text: str
    codes: tuple[Code, ...]

    def get(self, kind: str) -> str | None:
        """The value that the phrase has as a word of that kind."""
        return next((value for name, value in self.codes if name == kind), None)

    def all(self, kind: str) -> list[str]:
        return [value for name, value in self.codes if name == kind]


class Lexicon:
    """One language's phrases."""

    def __init__(self, language: Language, content: dict[str, Any]) -> None:
        self.language = language
        self._trie: dict[str, Any] = {}
        for kind, terms in content.items():
            if not isinstance(terms, dict):
                continue
            for value, phrases in terms.items():
                for phrase in phrases:
                    self._add(phrase, (kind, value))

    def scan(self, text: str) -> list[Mention]:
        """All mentions from left to right; none overlaps another."""
        taken = [*_sizes(text), *_midlines(text, self.language)]
        taken += _relaxations(text) if self.language == "zh" else ()
        taken += _signs(text)
        if self.language == "en":
            for term, pattern in (("atrophy", _SULCI), ("atrophy", _VOLUME), ("hydrocephalus", _VENTRICLES)):
                spans = [each.span() for each in pattern.finditer(text)]
                free = [span for span in spans if not any(a.start < span[1] and span[0] < a.end for a in taken)]
                taken += [Mention(start, end, text[start:end], (("sign", term),)) for start, end in free]
        blocked = {place for each in taken for place in range(each.start, each.end)}
        units = list(self._units(text))
        found, at = list(taken), 0
        while at < len(units):
            length, codes = (0, ()) if units[at][0] in blocked else self._longest(units, at, blocked)
            if length > 1:
                length, codes = self._shortened(units, at, length, codes, blocked)
            if length and codes:
                start, end = units[at][0], units[at + length - 1][1]
                found.append(Mention(start, end, text[start:end], codes))
            at += length or 1
        return sorted(found, key=lambda mention: mention.start)

    def _shortened(
        self, units: list[Unit], at: int, length: int, codes: tuple[Code, ...], blocked: set[int]
    ) -> tuple[int, tuple[Code, ...]]:
        """A phrase whose last words begin a longer one leaves them to it.

        "Chronic | subdural hematoma" is the longer name of the same finding, "deep | white matter lesions" a finding.
        """
        for offset in range(1, length) if any(kind == "finding" for kind, _ in codes) else ():
            beyond, following = self._longest(units, at + offset, blocked)
            if offset + beyond > length and set(codes) & set(following):
                return offset, ()
        tail = [unit[2][1] for unit in units[at + length - 2 : at + length]] if length > 2 else []
        if tail == ["white", "matter"] and all(kind == "site" for kind, _ in codes):
            beyond, following = self._longest(units, at + length - 2, blocked)
            if beyond > 2 and any(kind == "finding" for kind, _ in following):
                return length - 2, codes
        return length, codes

    def _add(self, phrase: str, code: Code) -> None:
        loose = code[0] == "sequence"
        node = self._trie
        for _, _, forms in self._units(phrase):
            exact = forms[0] if _abbreviates(forms[0]) and not loose and self.language == "en" else ""
            node = node.setdefault(f"={exact}" if exact else forms[1], {})
        codes = node.setdefault(_ALL, [])
        if code not in codes:
            codes.append(code)

    def _units(self, text: str) -> Iterator[Unit]:
        """What is matched one by one: start, end, and the forms as written and normalised."""
        if self.language == "zh":
            yield from ((n, n + 1, (char, char.lower())) for n, char in enumerate(text))
            return
        for found in _TOKEN.finditer(text):
            if found.group() not in _HYPHENS:
                yield found.start(), found.end(), (found.group(), normal(found.group()))

    def _longest(self, units: list[Unit], at: int, blocked: set[int]) -> tuple[int, tuple[Code, ...]]:
        if self.language == "zh" and not _edge(units, at - 1, at):
            return 0, ()
        best: tuple[int, tuple[Code, ...]] = (0, ())
        nodes, length = [self._trie], 0
        while nodes and at + length < len(units) and units[at + length][0] not in blocked:
            raw, plain = units[at + length][2]
            keys = {plain, f"={raw}", f"={raw.removesuffix('s')}"}
            nodes = [node[key] for node in nodes for key in keys if key and key in node]
            length += 1
            codes = tuple(code for node in nodes for code in node.get(_ALL, ()))
            if codes and (self.language != "zh" or _edge(units, at + length - 1, at + length)):
                best = (length, tuple(dict.fromkeys(codes)))
        return best


def _edge(units: list[Unit], before: int, after: int) -> bool:
    """May a phrase begin or end between these two characters? Not inside a word of Latin letters or a number."""
    if before < 0 or after >= len(units):
        return True
    a, b = units[before][2][0], units[after][2][0]
    return not (a.isascii() and a.isalnum() and b.isascii() and b.isalnum())


def normal(word: str) -> str:
    """A word's form for matching: lower case, American, singular. Wrong forms do no harm: phrases get the same."""
    form = word.lower()
    if len(form) < 4 or not form.isalpha():
        return form
    form = form.replace("ae", "e").replace("oe", "e").replace("isation", "ization").replace("ising", "izing")
    form = re.sub(r"ise(d?)$", r"ize\1", re.sub(r"(?<=[a-z]{3})our(s?)$", r"or\1", re.sub(r"tre(s?)$", r"ter\1", form)))
    if form.endswith(("sses", "xes", "shes", "ches")):
        return form[:-2]
    if form.endswith(("sis", "ses")) and len(form) > 5:
        return form[:-2]
    if form.endswith("ies"):
        return form[:-3] + "y"
    if form.endswith("s") and not form.endswith("ss"):
        return form[:-1]
    if form.endswith("i"):
        return form[:-1] + "u"
    return form[:-1] if form.endswith("us") else form


def _abbreviates(word: str) -> bool:
    """Two capitals, or one letter alone: CT, dAVF, R."""
    return sum(letter.isupper() for letter in word) > 1 or (len(word) == 1 and word.isupper())


def _sizes(text: str) -> Iterator[Mention]:
    for found in _SIZE.finditer(text):
        first, u1, second, u2, third, u3, word = found.groups()
        units = [unit for unit in (u1, u2, u3, word) if unit]
        before = text[found.start() - 1 : found.start()]
        if not units or (before and ((before.isalnum() and before.isascii()) or before == ".")):
            continue
        unit = "cm" if units[-1].lower() in ("cm", "厘米", "公分") or units[-1].startswith("cent") else "mm"
        values = "x".join(f"{float(value.replace(',', '.')):g}" for value in (first, second, third) if value)
        yield Mention(found.start(), found.end(), found.group(), (("size", values + unit),))


def _relaxations(text: str) -> Iterator[Mention]:
    """Long and short T1 and T2: 长T1长T2 is dark on T1WI and bright on T2WI."""
    for found in _RELAXATION.finditer(text):
        after = text[found.end() : found.end() + 1]
        if after.isascii() and after.isalnum():
            continue
        codes: list[Code] = []
        a, b, c = found.group("a"), found.group("b"), found.group("c")
        if a:
            codes.append(("sequence_signal", f"T1WI {_relaxed(a, '1')}"))
            if found.group().rstrip("WI").endswith("T2"):
                codes.append(("sequence_signal", f"T2WI {_relaxed(b or a, '2')}"))
        else:
            codes.append(("sequence_signal", f"T2WI {_relaxed(c, '2')}"))
        yield Mention(found.start(), found.end(), found.group(), tuple(codes))


def _signs(text: str) -> Iterator[Mention]:
    """Signs behind a sequence that are its signal: "DWI +", "ADC ↓"."""
    for found in _SIGN.finditer(text):
        kind = found.lastgroup or ""
        signal = {"up": "hyperintense", "rise": "hyperintense", "same": "isointense"}.get(kind, "hypointense")
        start, end = found.span(kind)
        yield Mention(start, end, text[start:end], (("signal", signal),))


def _midlines(text: str, language: Language) -> Iterator[Mention]:
    for found in _MIDLINE[language].finditer(text):
        codes: list[Code] = [("finding", "midline shift")]
        if found.group("no"):
            codes.append(("denied", "itself"))
        if found.group("side"):
            codes.append(("side", "left" if found.group("side").lower() in ("左", "left") else "right"))
        yield Mention(found.start(), found.end(), found.group(), tuple(codes))


def _relaxed(word: str, number: str) -> str:
    return _LONG_SHORT.get((word[-1], number), "isointense")


@cache
def lexicon(language: Language) -> Lexicon:
    return Lexicon(language, tomllib.loads(_read(language)))


@cache
def digest() -> str:
    """Ten hexadecimal digits over both files: the part that the phrases have in a structurer's version."""
    return sha256_hex("\0".join(_read(name) for name in ("en", "zh")).encode())[:10]


def _read(name: str) -> str:
    return (resources.files(__package__ or "") / f"{name}.toml").read_text(encoding="utf-8")
