"""Reports that a radiology information system exported: CSV, TSV or JSON lines, one report a row.

Columns are found by the names that systems give them in several languages; a caller may name them instead. A row
belongs to a study by StudyInstanceUID or accession number. All its other short values are taken for words that identify
somebody, and are looked for in the text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from journalclip_sources.studies.errors import StudyRefused

# What a column is for: names in small letters, without spaces and underscores.
NAMES: dict[str, tuple[str, ...]] = {
    "study": ("studyinstanceuid", "studyuid", "studyinstance", "suid", "uid", "检查uid"),
    "accession": (
        "accession", "accessionnumber", "accessionno", "acc", "accno", "anforderungsnummer", "auftragsnummer",
        "numeroaccession",
        "numerodeacceso", "检查号", "登记号", "影像号", "检查编号", "受付番号", "オーダ番号",
        "номерисследования", "numerexame",
        "orderid", "ordernumber", "examid", "exam",
    ),
    "report": (
        "report", "reporttext", "text", "fulltext", "result", "befund", "befundtext", "informe", "rapport",
        "compterendu", "referto",
        "relatorio", "laudo", "verslag", "opis", "wynik", "описание", "протокол", "报告", "报告内容", "诊断报告",
        "レポート", "所見",
        "narrative",
    ),
    "findings": ("findings", "finding", "检查所见", "影像所见", "所见", "hallazgos", "constatations", "reperti",
        "achados", "bevindingen"),
    "impression": (
        "impression", "conclusion", "beurteilung", "conclusie", "conclusione", "conclusiones", "conclusao",
        "wnioski", "заключение",
        "诊断意见", "影像诊断", "诊断", "印象", "結論", "診断", "impresion", "summary",
    ),
    "date": (
        "reportdate", "reporttime", "reporteddate", "reportedat", "date", "datetime", "signed", "signedat",
        "verified", "verifiedat",
        "finalized", "报告时间", "报告日期", "审核时间", "timestamp", "version", "befunddatum", "datum", "fecha",
        "data",
    ),
}  # fmt: skip
_TEXTS = ("report", "findings", "impression")
_MOST_BYTES = 256 << 20
_SWAPPED = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?!\d)(.*)")


@dataclass(frozen=True)
class RisRow:
    """One report; ``others`` are the row's other values. ``moment`` is the date as digits that sort."""

    study: str = ""
    accession: str = ""
    date: str = ""
    moment: str = ""  # empty where there is no date, so that it sorts first
    text: str = field(default="", repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)


def read_rows(text: str, name: str, columns: Mapping[str, str]) -> tuple[RisRow, ...]:
    """Empty where the table holds no reports. Raises `StudyRefused` ``report-unreadable``."""
    if len(text) > _MOST_BYTES:
        raise StudyRefused("report-unreadable", "the table of reports is larger than 256 MiB")
    rows = _json_rows(text) if name.lower().endswith((".jsonl", ".ndjson", ".json")) else _csv_rows(text)
    found = [each for row in rows if (each := _row(row, columns)) is not None]
    month_first = any((m := _SWAPPED.search(each.date)) is not None and int(m[2]) > 12 for each in found)
    return tuple(replace(each, moment=_moment(each.date, month_first)) for each in found)


def _csv_rows(text: str) -> Iterable[Mapping[str, str]]:
    csv.field_size_limit(_MOST_BYTES)
    head = text.split("\n", 1)[0]
    mark = max(",;\t|", key=head.count)
    try:
        yield from (
            {str(k): str(v or "") for k, v in row.items() if k is not None}
            for row in csv.DictReader(io.StringIO(text), delimiter=mark)
        )
    except csv.Error as error:
        raise StudyRefused("report-unreadable", "the table of reports cannot be read") from error


def _json_rows(text: str) -> Iterable[Mapping[str, str]]:
    try:
        plain = json.loads(text)
        items: Sequence[object] = plain if isinstance(plain, list) else wrapped_rows(plain) or [plain]
    except ValueError:
        try:
            items = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise StudyRefused("report-unreadable", "the JSON lines cannot be read") from error
    return [
        {str(k): v if isinstance(v, str) else str(v) for k, v in each.items() if v is not None}
        for each in items
        if isinstance(each, dict)
    ]


def _row(row: Mapping[str, str], columns: Mapping[str, str]) -> RisRow | None:
    by_role = {role: _column(row, role, columns) for role in NAMES}
    texts = [row[name].strip() for role in _TEXTS if (name := by_role[role]) is not None and row[name].strip()]
    study, accession, date = (
        row[name].strip() if (name := by_role[role]) else "" for role in ("study", "accession", "date")
    )
    if not texts or not (study or accession):
        return None
    known = {name for name in by_role.values() if name is not None}
    others = tuple(value for name, value in row.items() if name not in known and 0 < len(value) <= 80)
    return RisRow(
        study, accession, date, "", "\n".join(dict.fromkeys(texts)), (*others, accession) if accession else others
    )


def _column(row: Mapping[str, str], role: str, columns: Mapping[str, str]) -> str | None:
    wanted = [_plain(columns[role])] if role in columns else NAMES[role]
    names = {_plain(name): name for name in row}
    return next((names[each] for each in wanted if each in names), None)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.strip("\ufeff").casefold())


def wrapped_rows(plain: object) -> list[object]:
    """The rows of an object that holds nothing but one list of them, beside plain values; else nothing."""
    if not isinstance(plain, dict):
        return []
    lists = [each for each in plain.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
    return lists[0] if len(lists) == 1 else []


def _moment(text: str, month_first: bool) -> str:
    """A date of any usual order as digits that sort; ``month_first`` where a row of the table can be read so only."""
    found = re.search(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})(.*)", text)
    if found is not None:
        year, month, day, rest = found.groups()
    else:
        swapped = _SWAPPED.search(text)
        if swapped is None:
            return ""
        day, month, year, rest = swapped.groups()
        if month_first:
            day, month = month, day
    digits = re.sub(r"[^0-9]", "", rest)
    return f"{year}{int(month):02d}{int(day):02d}{digits}"
