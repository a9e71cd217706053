"""The grammar of labels: "Figure 1", "FIG. 2A |", "Supplementary Fig. S3:", "Abb. IV", "F I G U R E 5", "Table 2".

`parse_label` reads a label at the start of a line and says nothing about whether the line is a caption: "Figure 2
shows ..." parses as well. Numbers are normalised: roman to arabic, "S" before supplementary ones, leading zeros gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["figure", "table", "other"]

_FIGURE_WORDS = (
    r"figures?|figs?|abbildung(?:en)?|abb|figuras?|figuur|afbeelding|afb|figur(?:en|er)?|kuva|kuvio|rycina|ryc|rysunek|rys|"
    r"obr[aá]zek|obr[aá]zok|obr|mynd|slika|рисунок|рис|малюнок|мал|слика|сл|фигура|фиг|[şs]ekil|resim|ábra|pav|joonis|hình|gambar|"
    r"εικόνα|εικ|σχήμα|图|圖|図|그림|الشكل|شكل|شکل|تصویر|איור"
)
# Words that number their pictures on their own, beside the figures: Plate 1 is not Figure 1.
_OWN_SERIES = {
    "plate": r"plates?|planche|l[aá]mina",
    "photo": r"photographs?|photos?|photographies?|fotograf[ií]as?|fotos?|фото|写真|照片",
    "image": r"images?|im[aá]gen|imagem|immagine|bild|صورة|תמונה",
    "graph": r"graphs?|charts?|gr[aá]fic[oa]s?|graphiques?|grafik|grafiek|wykres|diagram(?:s|a|mes?)?|график",
    "scheme": r"schemes?|esquemas?|sch[eé]mas?|схема",
    "map": r"mapas?",  # not "map": MAP2 is a protein, MAP 65 a pressure
    "illustration": r"illustrations?|ilustraci[oó]n|ilustra[cç][aã]o|illustrazione",
}
_COUNTED = frozenset({"graph", "scheme", "map"})  # numbered by digits alone
_PICTURE_WORDS = "|".join(_OWN_SERIES.values())
_TABLE_WORDS = r"tables?|tab|tabelle|tabell|tablas?|tabelas?|tabel|tableau|tabella|таблица|табл|tablo|表|جدول|טבלה"
_OTHER_WORDS = r"box|algorithms?|videos?|movies?|audios?|appendix|equation|eq|files?|datasets?|data|panel"
_SPACED = r"f\s?i\s?g\s?u?\s?r?\s?e?"  # letter-spaced capitals come out as "F I G U R E" or "FIGU RE"
_ROMAN = r"(?-i:(?=[IVXLC])(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"  # capitals only: "Fig. x" is a variable
_CASE = r"(?:case|patient|fall|cas|caso|paciente|observation|случай)\s?(?:n[o°]\.?\s?)?\d{1,3}\s?[,.:;–—-]?\s+"
_LABEL = re.compile(
    rf"""^(?P<open>[\[(*•■▪►▶\s]*)
    (?P<case>{_CASE})?
    (?P<extra>(?:(?:supplementa(?:ry|l)|supporting)(?:\s+(?:material|data|information|file))?|supplement|suppl?|
      additional|extended\s+data|appendix|online|web|e(?=[\s\-]?fig))
      [\s.\-]*)?
    (?P<word>{_FIGURE_WORDS}|{_PICTURE_WORDS}|{_TABLE_WORDS}|{_OTHER_WORDS}|(?-i:F\s?I\s?G(?:\s?U\s?R\s?E)))
    (?P<gap>[\s.:\-–—#№°]*?(?:(?:n[o°º]?|nr|№)\.?\s?)?(?P<bracket>\()?)
    (?P<number>(?P<series>(?:si?|a|b|c|e|d)[\s.\-]?(?=\d))?(?P<digits>\d{{1,3}}(?:[.\-–—]\d{{1,2}}(?!\d)){{0,2}})
       (?![.\-–]\d)|(?P<alone>(?-i:[A-HJKM-UWYZ]))(?=\s?[.:|])(?!\.\w)|
       (?P<roman>{_ROMAN})(?![a-z]))
    (?(bracket)\))
    (?P<supplement>\s?[—–-]\s?figure\s+supplement\s+\d{{1,2}})?
    (?P<suffix>\(?[a-z](?:\s?[\-–,&]\s?[a-z])*\)?(?!\w))?
    (?P<tail>.*)$""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_NUMBER_FIRST = re.compile(
    r"^(?P<number>\d{1,3})\s?[.)]?\s?(?P<word>ábra|kép|pav|att|attēls)\b\.?(?P<tail>.*)$", re.I | re.S
)
_PLURAL = re.compile(r"figures|figs|abbildungen|figuras|figurer|plates|photos|photographs|images|fotos", re.IGNORECASE)
_MORE = re.compile(r"\s?(?:,|and|&|und|et|y|e|och|og|en)\s?(?P<digits>\d{1,3})(?!\d)(?!\s?[a-z]{2})", re.IGNORECASE)
_MOST_MEMBERS = 40
_FIGURE = re.compile(rf"(?:{_FIGURE_WORDS}|{_PICTURE_WORDS}|{_SPACED})", re.IGNORECASE)
_TABLE = re.compile(rf"(?:{_TABLE_WORDS})", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*(?P<mark>[.:|│∣¦．：。\-–—−>▸•]*)\s*")
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
    number: str  # normalised, without the panel suffix; "" where the label has none; "1-4" of a plate of four
    suffix: str  # "a", "A-C" or ""
    printed: str  # label and number as printed, with its closing mark: "FIG. 1."
    separator: str  # the mark between number and text, "" where there is none
    continued: bool
    opened: bool  # stands in a bracket: "(Figure 2) ..."
    end: int
    series: str = ""  # what is numbered on its own beside the figures: "supplementary", "plate", "case 2"
    members: tuple[str, ...] = ()  # the single numbers of "Figs. 1-4"
    suffix_start: int = 0  # where the suffix begins: it may be the first panel of the caption

    @property
    def key(self) -> str:
        """Names the figure in its article, but for its suffix; what mentions of it give, too."""
        return series_key(self.series, self.number)


def series_key(series: str, number: str) -> str:
    """``S1`` and ``1`` name their series themselves; other series stand before the number."""
    return number if series in ("", "supplementary") else f"{series} {number}"


@lru_cache(maxsize=1 << 14)  # lines of some 200 pages: each is asked for by reading, dividing and captions
def parse_label(text: str) -> Label | None:
    """The label that ``text`` starts with, or None."""
    if not _may_start(text):
        return None
    match = _LABEL.match(text)
    if match is None:
        return _number_first(text)
    word = match["word"]
    series = series_of(match["extra"] or "", word, match["case"] or "", match["supplement"] or "")
    if match["alone"] and series in _COUNTED:
        return None  # "Graph K." names none of a count
    number = _number(match, bool(match["extra"]))
    tail_start = match.start("tail")
    members: tuple[str, ...] = ()
    if _PLURAL.fullmatch(word):
        members, tail_start = _members(match, text)
        number = _span(members) or number
    end, separator, continued = _closing(text, tail_start)
    return Label(
        kind=_kind(word),
        word=word,
        number=number,
        suffix=re.sub(r"[^a-zA-Z]+", "-", match["suffix"] or "").strip("-"),
        printed=text[match.end("open") : tail_start].strip() + separator,
        separator=separator,
        continued=continued,
        opened="(" in match["open"] or "[" in match["open"],
        end=end,
        series=series,
        members=members,
        suffix_start=match.start("suffix") if match["suffix"] else 0,
    )


def _closing(text: str, at: int) -> tuple[int, str, bool]:
    """Where the caption's words begin behind the number, the mark between, and whether it says "continued"."""
    mark = _SEPARATOR.match(text, at)
    assert mark is not None
    end = mark.end()
    continued = _CONTINUED.match(text[end:])
    return end + (continued.end() if continued else 0), mark["mark"].strip(), bool(continued)


def _number_first(text: str) -> Label | None:
    """ "1. ábra": languages that set the number before the word."""
    match = _NUMBER_FIRST.match(text)
    if match is None:
        return None
    end, separator, continued = _closing(text, match.start("tail"))
    number = str(int(match["number"]))
    printed = text[: match.start("tail")].strip() + separator
    return Label("figure", match["word"], number, "", printed, separator or ".", continued, False, end)


def _members(match: re.Match[str], text: str) -> tuple[tuple[str, ...], int]:
    """The numbers of a plural label, and where what follows them begins."""
    start = match.start("tail")
    if not match["digits"] or match["series"] or match["suffix"]:
        return (), start
    ends = [int(each) for each in re.findall(r"\d+", match["digits"])]
    if len(ends) == 2 and ends[0] < ends[1] <= ends[0] + _MOST_MEMBERS and "." not in match["digits"]:
        return tuple(map(str, range(ends[0], ends[1] + 1))), start
    found = [str(ends[0])]
    while len(ends) == 1 and (more := _MORE.match(text, start)) is not None:
        found.append(str(int(more["digits"])))
        start = more.end()
    return (tuple(found) if len(found) > 1 else ()), start


def _span(members: Sequence[str]) -> str:
    """ "1-4" for four numbers that follow each other, else all of them with commas."""
    values = [int(member) for member in members]
    if values and values == list(range(values[0], values[-1] + 1)):
        return f"{values[0]}-{values[-1]}"
    return ",".join(members)


_UNNUMBERED = re.compile(
    r"^\W*(?P<word>Figure|FIGURE|Fig|FIG|Abbildung|ABBILDUNG|Abb|Figura|FIGURA|Figuur|Figur|Afbeelding|Rycina|Рисунок|Рис|"
    r"图|圖|図)(?![a-zа-я])(?P<legend>\s+(?i:legend|caption|legende|légende))?\s?(?P<mark>[.:|：－–—]{0,2})\s*(?=(?P<next>\S)|$)"
)


def parse_unnumbered(text: str) -> Label | None:
    """A label without a number: "Figure.", "FIGURE Axial CT", "Fig. legend:"; what follows is no lower case.

    It says little by itself: letters print their only figure so, and sentences end so.
    """
    match = _UNNUMBERED.match(text)
    if match is None or (match["next"] or "A").islower() or (match["next"] or "A").isdigit():
        return None
    if not match["mark"] and match["next"] and not (match["word"].isupper() and len(match["word"]) > 1):
        return None
    printed = text[: match.end("mark")].strip()
    return Label("figure", match["word"], "", "", printed, match["mark"], False, False, match.end())


_FIRST = re.compile(
    r"^[\[(*•■▪►▶\s]*(?:fi?\s?g|f\s?i|a[bpdfu]|s[uclşe]|e[xf\s\-]|eq|esq|map|wyk|гр|on|fo|r[yei]|o[bn]|р|т|м|с|ф|ş|slik|ku|bi|ε|σ|图|圖|"
    r"図|그|il|im|my|pl|ph|t[a]|表|bo|al|vi|mo|au|da|ch|gr|di|pa|file|ca[s]|fall|we|jo|hì|ga|lá|la|写|照|ش|ا|ت|ص|ج|א|ת|ט|"
    r"\d{1,3}\s?[.)]?\s?(?:á|ké|pav|att))",
    re.IGNORECASE,
)


def _may_start(text: str) -> bool:
    """Most lines are no label: two letters say so, at a tenth of the grammar's cost."""
    return _FIRST.match(text) is not None


def _kind(word: str) -> Kind:
    if _FIGURE.fullmatch(word):
        return "figure"
    return "table" if _TABLE.fullmatch(word) else "other"


def series_of(extra: str, word: str, case: str = "", supplement: str = "") -> str:
    """What a label's numbers count beside the plain figures of an article; empty for those."""
    if supplement:
        return re.sub(r"\W+", " ", supplement).strip().lower()
    if case:
        return re.sub(r"\W+", " ", case).strip().lower()
    named = re.sub(r"[\s.\-]+", " ", extra).strip().lower()
    if named in ("extended data", "appendix", "e"):
        return named
    if named:
        return "supplementary"
    return next((name for name, words in _OWN.items() if words.fullmatch(word)), "")


_OWN = {name: re.compile(words, re.IGNORECASE) for name, words in _OWN_SERIES.items()}


def _number(match: re.Match[str], supplementary: bool) -> str:
    if match["alone"]:
        return match["alone"]
    if match["roman"]:
        plain = str(roman_value(match["roman"]))
    else:
        plain = re.sub(r"\d+", lambda m: str(int(m[0])), re.sub(r"[–—]", "-", match["digits"]))
    series = re.sub(r"[\s.\-]", "", match["series"] or "").upper()
    if series in ("S", "SI") or (supplementary and not series):
        return f"S{plain}"
    return f"{series}{plain}"


def roman_value(roman: str) -> int:
    """The value of a roman numeral up to the hundreds."""
    values = [_ROMAN_VALUES[c] for c in roman.lower()]
    following = [*values[1:], 0]
    return sum(-v if v < n else v for v, n in zip(values, following, strict=True))
