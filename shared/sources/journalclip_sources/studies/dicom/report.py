"""A DICOM structured report as text: headings and items in the order of the tree, numbers with their units.

A viewer's measurements, a dose report and a list of key images are structured reports too, and none of a radiologist.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset

from journalclip_sources.studies.dicom.decode import value

_MAX_DEPTH = 12
_MAX_ITEMS = 2000
# Templates and root concepts of measurements (TID 1500), CAD, dose and procedure logs; PS3.16.
_NO_REPORT_TEMPLATES = frozenset(
    {"1500", "4000", "4019", "5000", "5100", "5200", "3001", "10001", "10003", "10011", "10021"}
)
_NO_REPORT_CONCEPTS = frozenset(
    {"126000", "113701", "111036", "111017", "113076", "121181", "113500", "126001", "126002"}
)
_MEASURING_CLASSES = (".88.34", ".88.35", ".88.67", ".88.50", ".88.65", ".88.59", ".88.40")


def is_report(dataset: Dataset) -> bool:
    """A structured report of any kind."""
    return value(dataset, "Modality") == "SR" and value(dataset, "ContentSequence") is not None


def is_measurement(dataset: Dataset) -> bool:
    """Whether a structured report holds measurements or doses, and is no radiologist's text."""
    templates = {
        str(value(each, "TemplateIdentifier") or "") for each in value(dataset, "ContentTemplateSequence") or ()
    }
    concepts = {str(value(each, "CodeValue") or "") for each in value(dataset, "ConceptNameCodeSequence") or ()}
    title = str(value(dataset, "SOPClassUID") or "")
    if templates & _NO_REPORT_TEMPLATES or concepts & _NO_REPORT_CONCEPTS:
        return True
    return title.endswith(_MEASURING_CLASSES) and not any(_texts(dataset, 0))


def _texts(node: Dataset, depth: int) -> Iterator[bool]:
    for item in value(node, "ContentSequence") or () if depth <= _MAX_DEPTH else ():
        if value(item, "ValueType") == "TEXT":
            yield True
        yield from _texts(item, depth + 1)


def replaced(dataset: Dataset) -> set[str]:
    """SOPInstanceUIDs of the reports that this one takes the place of."""
    found: set[str] = set()
    for study in value(dataset, "PredecessorDocumentsSequence") or ():
        for series in value(study, "ReferencedSeriesSequence") or ():
            for each in value(series, "ReferencedSOPSequence") or ():
                found.add(str(value(each, "ReferencedSOPInstanceUID") or ""))
    return found - {""}


def report_text(dataset: Dataset) -> str:
    """Text, code and number items, one a line, below the headings of their containers."""
    lines: list[str] = []
    for line in _items(dataset, 0):
        lines.append(line)
        if len(lines) >= _MAX_ITEMS:
            break
    return "\n".join(filter(None, lines))


_CONTEXT = ("HAS OBS CONTEXT", "HAS ACQ CONTEXT", "HAS CONCEPT MOD")  # who observed, where, in which language


def _items(node: Dataset, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    for item in value(node, "ContentSequence") or ():
        if value(item, "RelationshipType") in _CONTEXT:
            continue
        kind, heading = value(item, "ValueType"), _meaning(item, "ConceptNameCodeSequence")
        if kind == "CONTAINER" and heading:
            yield f"{heading}:"
        elif kind == "TEXT":
            if not depth and heading:  # a text below no container: its name is the heading
                yield f"{heading}:"
            yield str(value(item, "TextValue") or "").strip()
        elif kind == "CODE":
            yield _meaning(item, "ConceptCodeSequence")
        elif kind == "NUM":
            yield _measured(item, heading)
        yield from _items(item, depth + 1)


def context_texts(dataset: Dataset) -> Iterator[str]:
    """Texts of a structured report that are no part of what was found: an observer's name, a device's serial number."""
    for item in value(dataset, "ContentSequence") or ():
        if value(item, "RelationshipType") in _CONTEXT and value(item, "ValueType") == "TEXT":
            yield str(value(item, "TextValue") or "")
        yield from context_texts(item)


def _measured(item: Dataset, heading: str) -> str:
    for measured in value(item, "MeasuredValueSequence") or ():
        number = str(value(measured, "NumericValue") or "").strip()
        unit = next(
            (str(value(u, "CodeValue") or "") for u in value(measured, "MeasurementUnitsCodeSequence") or ()), ""
        )
        if number:
            return f"{heading}: {number} {unit}".strip().lstrip(": ")
    return ""


def _meaning(item: Dataset, keyword: str) -> str:
    return ", ".join(filter(None, (str(value(code, "CodeMeaning") or "") for code in value(item, keyword) or ())))
