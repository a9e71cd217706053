"""The ``fig`` elements of an article: label, caption, pictures, and the paragraphs that refer to each.

Figures may lie in figures (supplements of a figure) and in groups; each takes only its own caption and pictures. In
``alternatives`` several renditions of one picture are listed; all are kept, and who has the files chooses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lxml import etree

from journalclip_sources.jats.article import XmlFigure
from journalclip_sources.jats.parse import local
from journalclip_sources.jats.text import attribute, words

_THROUGH = frozenset({"alternatives", "p", "caption"})  # elements in which a figure's own pictures may lie
_APART = frozenset({"supplementary-material", "abstract", "trans-abstract"})  # files of their own; graphical abstracts


def read_figures(own: Sequence[etree._Element]) -> tuple[XmlFigure, ...]:
    """All figures among the article's own elements, in order."""
    mentions = _mentions(own)
    return tuple(_figure(each, mentions) for each in own if local(each) == "fig" and not _stands_apart(each))


def _stands_apart(figure: etree._Element) -> bool:
    return any(local(each) in _APART for each in figure.iterancestors())


def _figure(figure: etree._Element, mentions: dict[str, list[str]]) -> XmlFigure:
    captions = [each for each in figure if local(each) == "caption"]
    identity = attribute(figure, "id")
    caption = words(captions[0], ("fig", "attrib")) if captions else ""
    group = figure.getparent()
    if not caption and group is not None and local(group) == "fig-group":
        caption = next((words(each) for each in group if local(each) == "caption"), "")
    return XmlFigure(
        id=identity,
        label=next((words(each) for each in figure if local(each) == "label"), ""),
        caption=caption,
        credit=" ".join(words(each) for each in figure if local(each) == "attrib"),
        graphics=tuple(dict.fromkeys(_graphics(figure))),
        mentions=tuple(mentions.get(identity, ())) if identity else (),
        rights=" ".join(words(each) for each in figure if local(each) == "permissions"),
    )


def _graphics(element: etree._Element) -> Iterator[str]:
    for child in element:
        if local(child) == "graphic" and (href := attribute(child, "href")):
            yield href
        elif local(child) in _THROUGH:
            yield from _graphics(child)


def _mentions(own: Sequence[etree._Element]) -> dict[str, list[str]]:
    """Paragraphs by the ids that their cross-references name; those in captions are none."""
    found: dict[str, list[str]] = defaultdict(list)
    for paragraph in own:
        if local(paragraph) != "p" or any(
            local(each) in ("caption", "fig", "abstract") for each in paragraph.iterancestors()
        ):
            continue
        ids = dict.fromkeys(
            rid for xref in paragraph.iter() if local(xref) == "xref" for rid in attribute(xref, "rid").split()
        )  # fmt: skip
        if ids:
            text = words(paragraph, ("fig", "table-wrap"))
            for rid in ids:
                found[rid].append(text)
    return found
