"""The grammar of labels: "Figure 1", "FIG. 2A |", "Supplementary Fig. S3:", "Abb. IV", "F I G U R E 5", "Table 2".

`parse_label` reads a label at the start of a line and says nothing about whether the line is a caption: "Figure 2
shows ..." parses as well. Numbers are normalised: roman to arabic, "S" before supplementary ones, leading zeros gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["figure", "table", "other"]

_FIGURE_WORDS = (
    r"figures?|figs?|abbildung(?:en)?|abb|figuras?|fotograf[ií]as?|figuur|afbeelding|rycina|ryc|obr[aá]zek|obr|"
    r"рисунок|рис|[şs]ekil|resim|slika|kuva|bild|εικόνα|图|圖|図|그림|illustrations?|images?|plates?|photos?"
)
_TABLE_WORDS = r"tables?|tab|tabelle|tabell|tablas?|tabelas?|tableau|tabella|таблица|табл|tablo|表"
_OTHER_WORDS = (
    r"schemes?|box|algorithms?|videos?|movies?|audios?|appendix|equation|eq|files?|datasets?|data|chart|graph|diagram|"
    r"panel"
)
_SPACED = r"f\s?i\s?g\s?u?\s?r?\s?e?"  # letter-spaced capitals come out as "F I G U R E" or "FIGU RE"
_ROMAN = r"(?-i:(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"  # capitals only: "Fig. x" is a variable
_LABEL = re.compile(
    rf"""^(?P<open>[\[(*•■▪►▶\s]*)
    (?P<extra>(?:supplementa(?:ry|l)|supplement|suppl?|additional|extended\s+data|appendix|online|e(?=fig))[\s.\-]*)?
    (?P<word>{_FIGURE_WORDS}|{_TABLE_WORDS}|{_OTHER_WORDS}|(?-i:F\s?I\s?G(?:\s?U\s?R\s?E)))
    (?P<gap>[\s.:\-–—#№°]*?(?:(?:n[o°]|nr)\.?\s?)?)
    (?P<number>(?P<series>(?:si?|a|b|c|e|d)[\s.\-]?(?=\d))?(?P<digits>\d{{1,3}}(?:[.\-–]\d{{1,2}}(?![\d.\-–]))?)|
       (?P<roman>{_ROMAN})(?![a-z]))
    (?P<suffix>\(?[a-z](?:\s?[\-–,&]\s?[a-z])*\)?(?!\w))?
    (?P<tail>.*)$""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_FIGURE = re.compile(rf"(?:{_FIGURE_WORDS}|{_SPACED})", re.IGNORECASE)
_TABLE = re.compile(rf"(?:{_TABLE_WORDS})", re.IGNORECASE)
_SEPARATOR = re.compile(r"^\s*(?P<mark>[.:|│∣¦．：。\-–—−>▸•]*)\s*")
_CONTINUED = re.compile(
    r"^\W*(?:continued|cont(?:inuation)?\b\.?(?:['’]?d)?|contd\.?|suite|fortsetzung|continuaci[oó]n|continua[cç][aã]o|segue)"
    r"(?!\w)[\s.:;,)\]|–—-]*",
    re.IGNORECASE,
)
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class Label:
    """A label read off the start of a line; ``end`` is where the caption's own words begin."""

    kind: Kind
    word: str
    number: str  # normalised, without the panel suffix
    suffix: str  # "a", "A-C" or ""
    printed: str  # label and number as printed, with its closing mark: "FIG. 1."
    separator: str  # the mark between number and text, "" where there is none
    continued: bool
    opened: bool  # stands in a bracket: "(Figure 2) ..."
    end: int


def parse_label(text: str) -> Label | None:
    """The label that ``text`` starts with, or None."""
    if not _may_start(text):
        return None
    match = _LABEL.match(text)
    if match is None:
        return None
    tail = match["tail"]
    number_end = match.start("tail")
    mark = _SEPARATOR.match(tail)
    assert mark is not None
    end = number_end + mark.end()
    continued = _CONTINUED.match(text[end:])
    if continued:
        end += continued.end()
    word = match["word"]
    extra = (match["extra"] or "").strip(" .-").lower()
    return Label(
        kind=_kind(word),
        word=word,
        number=_number(match, bool(extra)),
        suffix=re.sub(r"[^a-zA-Z]+", "-", match["suffix"] or "").strip("-"),
        printed=text[match.end("open") : number_end].strip() + mark["mark"].strip(),
        separator=mark["mark"].strip(),
        continued=bool(continued),
        opened="(" in match["open"] or "[" in match["open"],
        end=end,
    )


_FIRST = re.compile(
    r"^[\[(*•■▪►▶\s]*(?:fi?\s?g|f\s?i|a[bpdfu]|s[uclşe]|e[xfq]|on|fo|r[yei]|o[bn]|р|т|ş|slik|ku|bi|ε|图|圖|図|그|il|im|pl|ph|t[a]|表|bo|al|"
    r"vi|mo|au|da|ch|gr|di|pa|file)",
    re.IGNORECASE,
)


def _may_start(text: str) -> bool:
    """Most lines are no label: two letters say so, at a tenth of the grammar's cost."""
    return _FIRST.match(text) is not None


def _kind(word: str) -> Kind:
    if _FIGURE.fullmatch(word):
        return "figure"
    return "table" if _TABLE.fullmatch(word) else "other"


def _number(match: re.Match[str], supplementary: bool) -> str:
    if match["roman"]:
        plain = str(roman_value(match["roman"]))
    else:
        plain = re.sub(r"[–]", "-", match["digits"]).lstrip("0") or "0"
    series = re.sub(r"[\s.\-]", "", match["series"] or "").upper()
    if series in ("S", "SI") or (supplementary and not series):
        return f"S{plain}"
    return f"{series}{plain}"


def roman_value(roman: str) -> int:
    """The value of a roman numeral up to the hundreds."""
    values = [_ROMAN_VALUES[c] for c in roman.lower()]
    following = [*values[1:], 0]
    return sum(-v if v < n else v for v, n in zip(values, following, strict=True))
