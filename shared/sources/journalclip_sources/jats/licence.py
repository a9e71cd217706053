"""The licence that an article's XML states, and which of its places spoke."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from journalclip_sources.jats.parse import local
from journalclip_sources.jats.text import attribute, words


def read_licence(meta: Sequence[etree._Element]) -> tuple[str, str]:
    """The statement with its address, and the place: ``license_ref``, ``href``, ``ext-link``, ``type`` or ``sentence``.

    ``meta`` are the elements of the article's front matter. Empty strings where nothing is stated.
    """
    licences = [each for each in meta if local(each) in ("license", "licence")]
    sentence = " ".join(filter(None, (words(each) for each in licences)))
    for place, address in _addresses(meta, licences):
        if address:
            return f"{sentence} {address}".strip(), place
    if sentence:
        return sentence, "sentence"
    reserved = next((words(each) for each in meta if local(each) == "copyright-statement"), "")
    return reserved, "copyright" if reserved else ""


def _addresses(meta: Sequence[etree._Element], licences: Sequence[etree._Element]) -> list[tuple[str, str]]:
    found = [("license_ref", words(each)) for each in meta if local(each) == "license_ref"]
    found += [("href", attribute(each, "href")) for each in licences]
    for each in licences:
        found += [("ext-link", attribute(link, "href")) for link in each.iter() if local(link) in ("ext-link", "uri")]
    return [(place, address) for place, address in found if "/" in address]
