"""A report's record as plain sentences, in English or Chinese, whatever the language of the report.

Equal records give equal text. Chinese clauses have the form that SeLIP's similarity compares, "at SITE shows SIGNAL"
(在SITE表现为SIGNAL). "No abnormality" is written only of a description that is ``normal``.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Final

from journalclip_shared.records.report import (
    ReportFinding,
    ReportLanguage,
    ReportRecord,
    SequenceDescription,
    WholeFinding,
)
from journalclip_structuring.rendering import render_finding

NORMAL: Final[dict[ReportLanguage, str]] = {"en": "no abnormality", "zh": "未见异常"}
NOTHING: Final[dict[ReportLanguage, str]] = {"en": "nothing recognised", "zh": "未识别"}


def rendered(record: ReportRecord, language: ReportLanguage = "en") -> ReportRecord:
    """The record with every rendering written anew."""
    descriptions = tuple(
        each.model_copy(update={"rendering": render_sequence(each, language)}) for each in record.descriptions
    )
    said = " ".join(each.rendering for each in descriptions)
    changed = record.model_copy(update={"descriptions": descriptions})
    return changed.model_copy(update={"rendering": said or _whole(changed, language)})


def render_sequence(description: SequenceDescription, language: ReportLanguage = "en") -> str:
    """``T2WI: hyperintense oval 12 x 8 mm lesion in the left thalamus; no edema.``"""
    said = _said(description.normal, description.findings, language)
    return f"{description.sequence}: {said}." if language == "en" else f"{description.sequence}：{said}。"


def clauses(description: SequenceDescription) -> tuple[str, ...]:
    """The canonical Chinese clauses of what a sequence shows: ``在左侧丘脑表现为高信号``. Denied findings have none."""
    return tuple(_clause(each) for each in description.findings if not each.negated)


def _whole(record: ReportRecord, language: ReportLanguage) -> str:
    """The report's rendering where it names no sequence."""
    if record.findings is None:
        return ""
    said = _said(record.normal, tuple(_plain(each) for each in record.findings), language)
    return f"{said[0].upper()}{said[1:]}." if language == "en" else f"{said}。"


def _plain(finding: WholeFinding) -> ReportFinding:
    return ReportFinding.model_validate(finding.model_dump(exclude={"on"}))


def _said(normal: bool, findings: tuple[ReportFinding, ...], language: ReportLanguage) -> str:
    parts = [NORMAL[language]] if normal else []
    if language == "en":
        parts += [_english(each) for each in findings]
    else:
        parts += [_chinese(each) for each in findings]
    return ("; " if language == "en" else "，").join(parts) or NOTHING[language]


def _english(finding: ReportFinding) -> str:
    said = render_finding(finding)
    return f"{said} ({finding.change})" if finding.change else said


def _chinese(finding: ReportFinding) -> str:
    place, name = _place(finding), _word("finding", finding.term)
    if finding.negated:
        return f"{place}{name}{_word('change', 'resolved')}" if finding.change else f"{place}未见{name}"
    words = [_clause(finding)]
    if finding.size:
        words.append("大小" + "×".join(f"{value:g}" for value in finding.size.values) + finding.size.unit)
    for kind in ("enhancement", "mass_effect", "change"):
        value = getattr(finding, kind)
        if value:
            words.append(_word(kind, value))
    return "，".join(words)


def _clause(finding: ReportFinding) -> str:
    count = "" if finding.count in {None, 1} else "多发" if finding.count == "multiple" else f"{finding.count}个"
    shape = _word("shape", finding.shape) if finding.shape else ""
    signal = _word("signal", finding.signal) if finding.signal else ""
    hedge = _word("certainty", finding.certainty) if finding.certainty != "certain" else ""
    return f"在{_place(finding) or '脑内'}表现为{count}{shape}{signal}{hedge}{_word('finding', finding.term)}"


def _place(finding: ReportFinding) -> str:
    side = _word("side", finding.laterality) if finding.laterality else ""
    return side + (_word("site", finding.site) if finding.site else "")


def _word(kind: str, code: str) -> str:
    return chinese_words()[kind].get(code, code)


@cache
def chinese_words() -> dict[str, dict[str, str]]:
    """Kind, code, name."""
    path = resources.files(__package__ or "") / "vocabularies" / "report_zh.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {kind: names for kind, names in content.items() if isinstance(names, dict)}
