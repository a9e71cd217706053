"""What the rules read in single sentences of a report."""

from __future__ import annotations

import pytest

from journalclip_structuring.report_rules import read_report


@pytest.mark.parametrize(
    "text",
    [
        "Hemorrhage has been excluded.",
        "Hemorrhage: absent.",
        "Hemorrhage: none.",
        "There is no indication of hemorrhage.",
        "Hemorrhage is not seen.",
    ],
)
def test_a_denial_on_either_side(text: str) -> None:
    (found,) = read_report(text).findings or ()
    assert (found.term, found.negated) == ("hemorrhage", True)


@pytest.mark.parametrize("text", ["Hemorrhage cannot be excluded.", "Hemorrhage is not excluded."])
def test_what_is_not_excluded_is_possible(text: str) -> None:
    (found,) = read_report(text).findings or ()
    assert found.certainty == "possible"


def test_what_stands_before_a_colon_belongs_to_what_follows() -> None:
    (found,) = read_report("FLAIR, involving the L parietal region: a hyperintense 23 mm abscess.").findings or ()
    assert (found.site, found.laterality, found.on) == ("parietal lobe", "left", {"FLAIR": "hyperintense"})


def test_a_report_that_ends_in_a_colon_is_read_to_its_end() -> None:
    assert [each.sequence for each in read_report("No mass. FLAIR:").descriptions] == ["FLAIR"]
