from __future__ import annotations

import pytest

from journalclip_extraction.licences import is_statement, normalise


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
