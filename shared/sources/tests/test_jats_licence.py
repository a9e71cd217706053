"""Which of an article's places states its licence, and the order in which they are asked."""

from __future__ import annotations

import pytest
from lxml import etree

from journalclip_sources.jats.licence import read_licence

XLINK, ALI = 'xmlns:xlink="http://www.w3.org/1999/xlink"', 'xmlns:ali="http://www.niso.org/schemas/ali/1.0/"'
BY, NC = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by-nc/4.0/"


def read(permissions: str) -> tuple[str, str]:
    root = etree.fromstring(f"<article-meta {XLINK} {ALI}>{permissions}</article-meta>")
    return read_licence(list(root.iter("*")))


@pytest.mark.parametrize(
    ("permissions", "stated", "place"),
    [
        ("", "", ""),
        ("<copyright-statement>© A. Publisher</copyright-statement>", "© A. Publisher", "copyright"),
        ("<license><p>Open access.</p></license>", "Open access.", "sentence"),
        (f'<license xlink:href="{BY}"/>', BY, "href"),
        (f'<license xlink:href="{BY}"><p>Open access.</p></license>', f"Open access. {BY}", "href"),
        (f'<license><p>See <ext-link xlink:href="{BY}">here</ext-link>.</p></license>', f"See here. {BY}", "ext-link"),
        (f'<license><p>See <uri xlink:href="{BY}">here</uri>.</p></license>', f"See here. {BY}", "ext-link"),
        (f"<ali:license_ref>{NC}</ali:license_ref><license xlink:href='{BY}'/>", NC, "license_ref"),
        (f'<license xlink:href="{NC}"><uri xlink:href="{BY}">x</uri></license>', f"x {NC}", "href"),
        ('<license xlink:href="open-access"><p>Open access.</p></license>', "Open access.", "sentence"),
        ("<license/><license><p>The second.</p></license>", "The second.", "sentence"),
        (
            "<license><p>Open access.</p></license><copyright-statement>© A.</copyright-statement>",
            "Open access.",
            "sentence",
        ),
    ],
)
def test_the_place_that_says_most_is_taken(permissions: str, stated: str, place: str) -> None:
    assert read(permissions) == (stated, place)
