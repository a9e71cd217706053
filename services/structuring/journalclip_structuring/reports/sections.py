"""Which parts of a report speak of what this study shows? Headings decide; without any, all of it does.

History, indication, technique and comparison are set aside: a disease named there is no finding. A heading is known by
its name, in any case, with a colon or alone on its line. Names of organs and sequences ("Ventricles:", "FLAIR:") are no
headings here: they are read with their sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["findings", "impression", "aside", "technique"]

_NAMES: Final[dict[Kind, str]] = {
    "aside": (
        r"(?:clinical|relevant|past|medical|patient|present(?:ing)?|surgical)?\s*(?:history|indications?"
        r"|information|details|question|data|background|complaints?)"
        r"|reason for (?:the )?(?:exam(?:ination)?|study|referral|scan|request)|comparisons?(?: studies| study"
        r"| exams?)?|prior(?: stud(?:y|ies))?|previous (?:imaging|stud(?:y|ies))"
        r"|clinical|hx|recommendations?|recommend|referr(?:er|al|ing physician)|exam(?:ination)?|study"
        r"|contrast|medications?|presentation|symptoms|clinical diagnosis|procedure|patient|age|sex|date|name"
        r"|note|advice|suggestion"
        r"|(?:临床)?病史(?:摘要)?|主诉|既往(?:史|病史)?|现病史|临床(?:诊断|资料|表现|症状|印象|信息)"
        r"|检查(?:目的|部位|项目|名称|日期|号)|(?:对比|对照|比较)(?:检查|资料|片)?|建议|申请(?:科室|目的|医生)"
        r"|患者|姓名|年龄|性别|备注|症状|送检目的|诊断依据|简要病史"
    ),
    "technique": (
        r"techniques?(?: and protocol)?|protocol|sequences?(?: acquired| obtained| performed)?"
        r"|imaging technique|scan technique|mri technique|pulse sequences|acquisition"
        r"|(?:检查|扫描|成像)(?:方法|技术|序列|参数|方式)|技术|序列|扫描|方法"
    ),
    "findings": (
        r"(?:imaging |mri |mr |radiological |radiology )?(?:findings?|report|description|observations?|result"
        r"|results|body)(?: and interpretation)?|(?:影像学?|MRI?|放射学?|检查|磁共振|头颅MRI?|平扫|CT"
        r"|核磁)?(?:所见|表现|描述|征象)|检查结果|报告内容"
    ),
    "impression": (
        r"(?:final |overall |radiological )?(?:impressions?|conclusions?|summary|opinion|diagnos[ie]s"
        r"|interpretation|assessment|comment)"
        r"|(?:影像学?|MRI?|放射学?|检查|磁共振|诊断)?(?:诊断|印象|结论|意见|提示)(?:意见|提示|结论|印象)?|小结|报告结论"
    ),
}
_PREFIX: Final = r"(?P<lead>(?:^|\n|(?<=[.;!?。;])\s?)[ \t\u3000]*(?:[#*\-•【\[]+\s*)*(?:\d{1,2}[.)、]\s*)?)"
_HEADING: Final = re.compile(
    _PREFIX
    + "(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in _NAMES.items())
    + r")(?:\s*[*】\]]*\s*:\s*[*]*|[ \t]*[】\]][ \t]*|[ \t]*(?=\n))",
    re.IGNORECASE,
)
_TELLS_HISTORY: Final = re.compile(
    r"^\s*(?:[-•*]\s*)?(?:history of|known (?:case|history) of|status post|s/p\b|clinical(?:ly)?\b"
    r"|patient (?:with|has|is)|follow-?up (?:of|for)"
    r"|comparison (?:is|was|with)|compared (?:to|with) (?:the )?(?:prior|previous)\b[^,;]*$|(?:the )?patient\b"
    r"|presenting with|indication\b|symptoms\b|(?:many )?thanks? (?:you )?(?:very much )?for\b"
    r"|临床|患者|病史|既往)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Section:
    """A stretch of text below one heading; the heading is not part of it."""

    kind: Kind
    start: int
    end: int


def sections(text: str) -> list[Section]:
    """In order; the headings themselves fall between them."""
    heads = [
        (found.lastgroup or "", found.start() + len(found.group("lead")), found.end())
        for found in _HEADING.finditer(text)
    ]
    out: list[Section] = []
    at, kind = 0, "findings"
    for n, (name, start, end) in enumerate([*heads, ("", len(text), len(text))]):
        stop = (
            _aside_ends(text, at, start)
            if kind in {"aside", "technique"} and not _findings_follow(heads[n:])
            else start
        )
        out.append(Section(kind, at, stop))  # type: ignore[arg-type]  # names of groups are the kinds
        if stop < start:
            out.append(Section("findings", stop, start))
        at, kind = end, name
    return [each for each in out if text[each.start : each.end].strip()]


def _findings_follow(heads: list[tuple[str, int, int]]) -> bool:
    return any(name in {"findings", "impression"} for name, _, _ in heads)


def _aside_ends(text: str, start: int, end: int) -> int:
    """Where the report proper begins after a history without a heading behind it: the next line, else sentence."""
    line = text.find("\n", start, end)
    if line >= 0:
        return line + 1
    stop = re.compile(r"[.。;?]\s*").search(text, start, end)
    return stop.end() if stop else end


def tells_history(sentence: str) -> bool:
    """Does a sentence without a heading speak of the patient rather than of the images?"""
    return bool(_TELLS_HISTORY.match(sentence))
