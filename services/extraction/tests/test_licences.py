from __future__ import annotations

import itertools

import pytest

from journalclip_extraction.licences import address_of, figure_licence, is_statement, normalise, stricter, version_of
from journalclip_shared.records.article import Licence


@pytest.mark.parametrize(
    ("statement", "licence"),
    [
        ("under the Creative Commons Attribution License, which permits unrestricted use", "CC BY"),
        ("(http://creativecommons.org/licenses/by/4.0/)", "CC BY"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", "CC BY-NC-ND"),
        ("licensed under CC BY-SA 4.0", "CC BY-SA"),
        ("This work is under CC-BY-NC.", "CC BY-NC"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs License", "CC BY-NC-ND"),
        ("Creative Commons Attribution Non-Commercial License", "CC BY-NC"),
        ("Creative Commons Attribution License, which permits non-commercial use", "CC BY-NC"),
        ("Creative Commons Attribution-ShareAlike", "CC BY-SA"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0"),
        ("© 2020 Elsevier. All rights reserved.", "all rights reserved"),
        ("This is an open access article.", "unknown"),
        ("", "unknown"),
    ],
)
def test_statements(statement: str, licence: str) -> None:
    assert normalise(statement) == licence


def test_a_waiver_for_the_data_does_not_free_the_article() -> None:
    statement = (
        "distributed under the Creative Commons Attribution License (http://creativecommons.org/licenses/by/4.0). The "
        "Creative Commons Public Domain Dedication waiver (http://creativecommons.org/publicdomain/zero/1.0/) applies "
        "to the data made available in this article."
    )
    assert normalise(statement) == "CC BY"


def test_the_more_restrictive_of_two_wins() -> None:
    assert normalise("CC BY 4.0 for text; figures under CC BY-NC 4.0") == "CC BY-NC"


def test_ordinary_prose_is_no_statement() -> None:
    assert not is_statement("Patients were followed for two years.")


@pytest.mark.parametrize(
    ("statement", "licence"),
    [
        ("Creative Commons Attribution License, no derivatives", "CC BY-ND"),
        ("Creative Commons licence that may be shared", "CC BY"),
        ("Attribution-NonCommercial-ShareAlike (CC)", "CC BY-NC-SA"),
        ("Creative Commons", "unknown"),  # the family's name alone is no licence
        ("CC BY\u2011NC\u2011SA 4.0", "CC BY-NC-SA"),  # hyphens that do not break
        ("CC BY\u2013ND 3.0", "CC BY-ND"),
        ("creativecommons . org / licences / by-sa / 3.0", "CC BY-SA"),
        ("CC-0", "CC0"),
        ("No part of this publication may be used.", "all rights reserved"),
        ("Reproduction of any figure is prohibited", "all rights reserved"),
    ],
)
def test_more_ways_to_say_it(statement: str, licence: str) -> None:
    assert normalise(statement) == licence


@pytest.mark.parametrize(
    ("statement", "version"),
    [
        ("http://creativecommons.org/licenses/by-nc/2.5/", "2.5"),
        ("publicdomain/zero/1.0/", "1.0"),
        ("CC BY-SA 3.0", "3.0"),
        ("CC0 1.0", "1.0"),
        ("Attribution 4.0 International", "4.0"),
        ("International License (version 4.0)", "4.0"),
        ("Creative Commons Attribution License", None),
        ("licence 5.0", None),
        ("section 4.0 of this article", None),
    ],
)
def test_the_version_that_is_printed(statement: str, version: str | None) -> None:
    assert version_of(statement) == version


@pytest.mark.parametrize(
    ("licence", "version", "address"),
    [
        ("CC0", "1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("CC BY", "4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC BY-NC-ND", "3.0", "https://creativecommons.org/licenses/by-nc-nd/3.0/"),
        ("CC BY", None, None),
        ("unknown", "4.0", None),
        ("all rights reserved", "4.0", None),
    ],
)
def test_a_licence_with_its_version_has_an_address(licence: Licence, version: str | None, address: str | None) -> None:
    assert address_of(licence, version) == address


def test_every_licence_is_stricter_than_those_before_it() -> None:
    order: list[Licence] = [
        "CC0", "CC BY", "CC BY-SA", "CC BY-ND", "CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND", "unknown",
        "all rights reserved",
    ]  # fmt: skip
    for looser, tighter in itertools.combinations(order, 2):
        assert stricter(looser, tighter) == stricter(tighter, looser) == tighter


@pytest.mark.parametrize(
    ("caption", "article", "licence"),
    [
        ("Axial CT. Reproduced under CC BY-NC 4.0.", "CC BY", "CC BY-NC"),
        ("Axial CT. CC BY 4.0.", "CC BY-NC-ND", "CC BY-NC-ND"),  # never looser than the article
        ("Axial CT. © 2011 A. Publisher.", "CC BY", "all rights reserved"),
        ("Axial CT, all rights reserved.", "CC BY", "all rights reserved"),
        ("Reproduced with permission from the journal.", "CC BY", "unknown"),
        ("Courtesy of a colleague.", "all rights reserved", "all rights reserved"),
        ("Shown with permission obtained from the patient.", "CC BY", None),
        ("Permission from the parents. Reprinted with permission.", "CC BY", "unknown"),
        ("Axial CT of the head.", "CC BY", None),
    ],
)
def test_a_figure_s_own_terms(caption: str, article: Licence, licence: Licence | None) -> None:
    assert figure_licence(caption, article) == licence
