"""An element's words as print shows them: entities resolved, formulas once, raised digits raised, single spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from lxml import etree

from journalclip_sources.jats.parse import entity_text, local

_SKIPPED = frozenset({
    "tex-math", "graphic", "inline-graphic", "media", "object-id", "permissions", "supplementary-material",
    "annotation", "annotation-xml", "alt-text", "long-desc", "private-char", "processing-meta",
})  # fmt: skip
_BLOCKS = frozenset(
    {"title", "p", "list", "list-item", "sec", "disp-quote", "disp-formula", "break", "def-item", "label"}
)
_RAISED = str.maketrans("0123456789+-−–=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁼⁽⁾ⁿ")
_RAISABLE = re.compile(r"[0-9+\-−–=()n]*[0-9][0-9+\-−–=()n]*|[+\-−–]")


def words(element: etree._Element | None, skip: Collection[str] = ()) -> str:
    """The text of ``element``, without what is no text and without elements named in ``skip``; empty for None."""
    if element is None:
        return ""
    joined = "".join(_pieces(element, frozenset(skip) | _SKIPPED))
    return " ".join(unicodedata.normalize("NFC", joined).split())


def _pieces(element: etree._Element, skip: frozenset[str]) -> Iterator[str]:
    if element.text:
        yield element.text
    for child in element:
        name = local(child)
        if isinstance(child, etree._Entity):
            yield entity_text(child)
        elif name and name not in skip:
            yield from _child(child, name, skip)
        if child.tail:
            yield child.tail


def _child(child: etree._Element, name: str, skip: frozenset[str]) -> Iterator[str]:
    if name == "sup":
        raised = "".join(_pieces(child, skip))
        yield raised.translate(_RAISED) if _RAISABLE.fullmatch(raised.strip()) else raised
        return
    if name == "alternatives":
        yield from _one_of(child, skip)
        return
    block = name in _BLOCKS
    yield " " if block else ""
    yield from _pieces(child, skip)
    yield " " if block else ""


def _one_of(alternatives: etree._Element, skip: frozenset[str]) -> Iterator[str]:
    """A formula stands there as MathML, as TeX and as a picture; its MathML is read."""
    for child in alternatives:
        if local(child) and local(child) not in skip:
            yield from _child(child, local(child), skip)
            return


def attribute(element: etree._Element, name: str) -> str:
    """An attribute by its local name, in a namespace, with an unbound prefix, or plain; empty where it is not there."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2].rpartition(":")[2] == name:
            return str(value).strip()
    return ""
