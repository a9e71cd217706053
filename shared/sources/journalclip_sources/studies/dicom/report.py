"""A DICOM structured report as text: its text items in the order of the tree, headed by what they are called."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset

from journalclip_sources.studies.dicom.decode import value

_MAX_DEPTH = 12
_MAX_ITEMS = 2000


def is_report(dataset: Dataset) -> bool:
    return value(dataset, "Modality") == "SR" and value(dataset, "ContentSequence") is not None


def report_text(dataset: Dataset) -> str:
    """Text and code items, one a line."""
    lines: list[str] = []
    for line in _items(dataset, 0):
        lines.append(line)
        if len(lines) >= _MAX_ITEMS:
            break
    return "\n".join(lines)


def _items(node: Dataset, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    for item in value(node, "ContentSequence") or ():
        kind = value(item, "ValueType")
        if kind == "TEXT":
            yield str(value(item, "TextValue") or "").strip()
        elif kind == "CODE":
            meaning = [str(value(code, "CodeMeaning") or "") for code in value(item, "ConceptCodeSequence") or ()]
            yield ", ".join(filter(None, meaning))
        yield from _items(item, depth + 1)
