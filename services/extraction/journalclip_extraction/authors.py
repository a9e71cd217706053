"""The authors as the first page prints them: the names between the title and what follows it.

Names stand in one type below the title, parted by commas, semicolons or "and"; marks that point to addresses are raised
or stand behind a name. A line that holds anything but names ends them. Nobody is better than somebody wrong: a single
name counts only where the file's metadata names it, too, or a mark or an address follows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from journalclip_sources.pdf.content import Line, Page

_REACH = 0.3  # of the page's height below the title: where its authors stand
_SAME_SIZE = 0.6  # points: lines of one list of names
_MOST = 80  # names of one article
_GAP = 3.0  # of the type size: between two lines of one list
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾*†‡§¶‖#✉✝∗⁎◊]+|\[\d+(?:[,–-]\d+)*\]|\(\d+(?:,\d+)*\)")
_ORCID = re.compile(r"https?://\S+|\b\d{4}-\d{4}-\d{4}-\d{3}[\dX]\b|\bORCID(?:\s?iD)?\b|\biD\b", re.IGNORECASE)
_MAIL = re.compile(r"\(?\S+@\S+\)?")
_DEGREE = re.compile(
    r"(?<![\w-])(?:M\.?\s?D\.?|Ph\.?\s?D\.?|M\.?Sc\.?|B\.?Sc\.?|M\.?P\.?H\.?|M\.?B\.?B\.?S\.?|MBChB|MB\s?BS|MB|BCh|"
    r"F\.?R\.?C\.?[SPR]\.?(?:\s?\(\w+\))?|FACS|FACC|FACR|FRANZCR|MRCP|MRCS|DDS|DMD|DNB|DM|DO|RN|BA|BS|MA|MS|MCh|MBA|"
    r"Dr\.?(?:\s?(?:med|rer\.?\s?nat|phil)\.?)?|Prof\.?|Priv\.?-?Doz\.?|PharmD|DVM|MHS|MRes|EdD|ScD|DrPH|Jr\.?(?=,)|Esq\.?)"
    r"(?![\w’'-])"
)
_PARTED = re.compile(
    r"\s*(?:,|;|·|•|\||\u2022|(?:^|\s)&(?:\s|$)|\band(?=\s|$|[A-Z])|\bund\b|\bet\b(?!\s+al)|(?:^|\s)[ye]\s|\boch\b|\bog\b|\bи\b|、|，)\s*"
)
_PARTICLE = (
    r"(?:de|del|della|di|da|dos|das|do|du|des|la|le|van|von|der|den|ten|ter|zu|zur|af|av|bin|ibn|al|el|y|e|i|st\.?|dal)"
)
_PART = r"(?:[^\W\d_a-zà-öø-ÿ][\w’'ʼ`\-‐]*\.?(?:-?[^\W\d_]\.)*|" + _PARTICLE + ")"
_NAME = re.compile(rf"{_PART}(?:\s{_PART}){{1,5}}")
_TRAILING = re.compile(r"(?<=[^\W\d_.])\s?\d{1,2}(?:\s?,\s?\d{1,2})*(?=\s|,|;|$|\*)")
_NOT_A_NAME = re.compile(
    r"\b(?:universit\w*|departments?|hospitals?|institut\w*|journal|abstract|received|open|access|articles?|research|review|"
    r"published|introduction|correspond\w+|schools?|cent(?:er|re)s?|medicine|medical|college|laborator\w+|clinics?|case|"
    r"reports?|study|trial|keywords?|background|objectives?|original|contents?|volume|issue|copyright|licen[sc]e|editor\w*|"
    r"summary|methods?|results?|conclusions?|doi|faculty|division|group|consortium|society|foundation|ministry|address|"
    r"brief|communication|letters?|images?|imaging|radiology|neurology|surgery|authors?|cite|citation|academic|version|from|"
    r"(?-i:the|of|in|on|for|with|an?|to|by|at)|survey|project|zusammenfassung|resumen|resumo|r[ée]sum[ée]|riassunto)\b",
    re.IGNORECASE,
)
_BEHALF = re.compile(r",?\s*(?:and\s+)?(?:on\s+behalf\s+of|for\s+the|representing)\b.*$", re.IGNORECASE | re.DOTALL)
_BROKEN_NAME = re.compile(
    r"[a-zß-ÿ]{3,}[A-Z](?:\b|(?![a-z]{3}))|[a-zß-ÿ]{2,}[A-Z]\b"
)  # a letter that a font draws otherwise


def find_authors(page: Page, title: str, declared: str) -> tuple[str, ...]:
    """The names below ``title`` on its page; ``declared`` is what the file's metadata say of its authors."""
    below = _below(page, title)
    for at, line in enumerate(below):
        if not _is_of_names(line):
            continue
        lines = [line, *_more(below[at + 1 :], line)]
        names = _parse(" ".join(_level(each) for each in lines))
        if len(names) > 1 or (names and _is_backed(names[0], lines, below[at + len(lines) :], declared)):
            whole = not _is_unfinished(lines[-1]) and not any(map(_BROKEN_NAME.search, names))
            return names[:_MOST] if whole else ()
        if len(lines) > 1:
            return ()
    return ()


def _below(page: Page, title: str) -> list[Line]:
    """Lines below the title, from the top."""
    wanted = _key(title)
    if not wanted:
        return []
    lines = [line for line in page.lines if not line.turn]
    own = [line for line in lines if len(_key(line.text)) > 3 and _key(line.text).strip("­") in wanted]
    if not own:
        return []
    size = max(line.size for line in own)
    own = [line for line in own if line.size >= size - _SAME_SIZE]
    bottom, left = max(line.box.y1 for line in own), min(line.box.x0 for line in own)
    near = [
        line
        for line in lines
        if bottom - 2 <= line.box.y0 < bottom + _REACH * page.box.height and line.box.x1 > left and line not in own
    ]
    return sorted(near, key=lambda line: (round(line.box.y1 / 3), line.box.x0))


def _more(following: Sequence[Line], first: Line) -> list[Line]:
    """The further lines of one list of names."""
    found: list[Line] = []
    last = first
    for line in following:
        far = abs(line.size - first.size) > _SAME_SIZE or line.box.y0 - last.box.y1 > _GAP * first.size
        if far or _BEHALF.search(_level(last)):
            break
        if not _is_of_names(line) and not (_is_unfinished(last) and _NAME.match(_bare(_level(line)))):
            break
        if line.font != first.font and not _is_unfinished(last):
            break
        found.append(line)
        last = line
    return found


def _is_unfinished(line: Line) -> bool:
    """The list goes on behind this line."""
    return _RAISED.sub("", _level(line)).rstrip().endswith((",", " and", "&", ";", "|"))


def _level(line: Line) -> str:
    return line.level_text or line.text


def _bare(text: str) -> str:
    """Without marks, degrees and addresses of the web."""
    text = _BEHALF.sub("", _RAISED.sub(" ", _ORCID.sub(" ", _MAIL.sub(", ", text.replace("\u00ad", "")))))
    text = _TRAILING.sub(" ", text)
    return re.sub(r"\(\s*\)", " ", _DEGREE.sub(" ", text))


def _is_of_names(line: Line) -> bool:
    """Most of the line is names, and nothing else of weight."""
    text = _level(line)
    bare = _bare(text)
    if _NOT_A_NAME.search(bare) or re.search(r"\d", bare) or len(bare) < 5:
        return False
    pieces = [piece for piece in _pieces(bare) if piece]
    named = [piece for piece in pieces if _NAME.fullmatch(piece)]
    if len(named) >= 2:
        return len(named) * 3 >= len(pieces) * 2
    return bool(named) and len(pieces) <= 2 and not text.rstrip().endswith((".", ":"))


def _pieces(bare: str) -> list[str]:
    return [" ".join(piece.split()).strip(" :-–()") for piece in _PARTED.split(bare)]


def _parse(text: str) -> tuple[str, ...]:
    """All names; none where a piece is no name, since then it was no list of names."""
    names: list[str] = []
    for piece in _pieces(_bare(text)):
        if re.fullmatch(r"[a-z]?", piece):
            continue
        if not _NAME.fullmatch(piece):
            return ()
        names.append(piece)
    return tuple(names)


def _is_backed(name: str, lines: Sequence[Line], after: Sequence[Line], declared: str) -> bool:
    if _key(name.split()[-1]) in _key(declared):
        return True
    marked = any(_RAISED.search(line.text) or line.level_text for line in lines)
    follows = bool(after) and bool(
        re.search(r"universit|department|hospital|institut|clinic|school", after[0].text, re.I)
    )
    return marked or follows


def _key(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())
