"""XML bytes -> an element tree, with nothing fetched and nothing expanded.

Half of all published JATS has a DOCTYPE, so it is allowed; what it may declare is not: no entity, no inclusion. The
parser neither loads a DTD nor opens an address. Limits stand before the parser, which then meets no surprise.

xml-invalid              not well-formed
xml-hostile              declares entities, includes other files, nests too deep
xml-too-large            larger than any article's XML
xml-schema-unsupported   XML of another schema than JATS
"""

from __future__ import annotations

import html.entities
import re

from lxml import etree

from journalclip_shared.errors import PermanentError

MAX_BYTES = 32 << 20
MAX_DEPTH = 200  # of elements: libxml2 alone would stop at 256; an article's are 20 deep
_DECLARES = re.compile(rb"<!(?:ENTITY|ELEMENT|ATTLIST|NOTATION)\b", re.IGNORECASE)
_XINCLUDE = "http://www.w3.org/2001/XInclude"
_ROOTS = frozenset({"article", "pmc-articleset"})


def parse(data: bytes) -> etree._Element:
    """The root element. Raises `PermanentError` with one of the codes above."""
    if len(data) > MAX_BYTES:
        raise PermanentError(
            "xml-too-large", f"the XML has {len(data)} bytes, {MAX_BYTES} are allowed", "Deliver one article a file."
        )
    text = _as_utf8(data)
    if _DECLARES.search(text):
        raise _hostile("it declares entities or elements of its own")
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as first:
        root = _forgiving(data, first)
    _check(root)
    return root


def local(element: etree._Element) -> str:
    """Name without namespace; empty for comments and entities."""
    tag = element.tag  # "{namespace}name"; parting it by hand takes a fifth of QName's time, on every element
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def is_article(root: etree._Element) -> bool:
    """Is it JATS, or the older NLM form of it?"""
    return local(root) in _ROOTS


def require_article(root: etree._Element) -> None:
    """Raises `PermanentError` ``xml-schema-unsupported``."""
    if not is_article(root):
        raise PermanentError(
            "xml-schema-unsupported", f"the XML's root is <{local(root)[:60]}>", "Ask the publisher for JATS."
        )


def entity_text(element: etree._Element) -> str:
    """The character that an unresolved entity names, or nothing."""
    name = str(element.text or "").strip("&;")
    return html.entities.html5.get(f"{name};", "")


def _forgiving(data: bytes, first: etree.XMLSyntaxError) -> etree._Element:
    """Once more, over what publishers get wrong: an undeclared prefix or entity. Anything else is refused."""
    if re.search(r"depth|huge|too long", str(first), re.IGNORECASE):
        raise _hostile(str(first)) from first
    if not re.search(r"Namespace prefix|Entity '\w+' not defined", str(first)):
        raise PermanentError("xml-invalid", f"not well-formed XML: {first}", "Fetch it again, or repair it.") from first
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=True, remove_pis=True
    )
    root = etree.fromstring(data, parser)
    if root is None:
        raise PermanentError("xml-invalid", f"not well-formed XML: {first}", "Fetch it again, or repair it.") from first
    return root


def _check(root: etree._Element) -> None:
    depth, deepest = 0, 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
        if event == "start" and isinstance(element.tag, str) and etree.QName(element).namespace == _XINCLUDE:
            raise _hostile("it includes other files")
        if deepest > MAX_DEPTH:
            raise _hostile(f"its elements are more than {MAX_DEPTH} deep")


def _as_utf8(data: bytes) -> bytes:
    """For looking at declarations: UTF-16 hides them from a search of bytes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace").encode()
    if b"\0" in data[:64]:
        return data.replace(b"\0", b"")
    return data


def _hostile(reason: str) -> PermanentError:
    return PermanentError("xml-hostile", f"the XML is refused: {reason}", "Ask for the article's plain JATS.")
