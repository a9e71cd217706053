import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_extraction.panels import parse_subcaptions
from journalclip_extraction.panels.labels import expand
from journalclip_extraction.panels.subcaptions import of_some


def parts(caption: str) -> dict[str, str]:
    said = parse_subcaptions(caption)
    return said.parts if said else {}


@pytest.mark.parametrize(
    "caption",
    [
        "Case 3. (A) Axial CT. (B) Coronal MRI.",
        "Case 3. A: Axial CT. B: Coronal MRI.",
        "Case 3. A, Axial CT; B, Coronal MRI.",
        "Case 3. A) Axial CT. B) Coronal MRI.",
        "Case 3. a Axial CT. b Coronal MRI.",
        "Case 3. Axial CT (A) and Coronal MRI (B).",
        "Case 3. Axial CT (a); Coronal MRI (b).",
        "Case 3. ( A ) Axial CT; ( B ) Coronal MRI.",
        "Case 3. [A] Axial CT, [B] Coronal MRI",
    ],
)
def test_each_printing_of_labels_is_read(caption: str) -> None:
    assert parts(caption) == {"A": "Axial CT", "B": "Coronal MRI"}


@pytest.mark.parametrize(
    ("text", "labels"),
    [("A-C", "ABC"), ("A–C, e", "ABCE"), ("a and b", "AB"), ("A, B, and D", "ABD"), ("B to D", "BCD"), ("C-A", "")],
)
def test_lists_and_ranges(text: str, labels: str) -> None:
    assert "".join(expand(text)) == labels


@pytest.mark.parametrize(
    "caption",
    ["(A–C) CT scans. (D) MRI.", "(A-C) CT scans. (D) MRI.", "(A, B, C) CT scans. (D) MRI.", "A-C: CT scans. D: MRI."],
)
def test_a_group_shares_its_words(caption: str) -> None:
    assert parts(caption) == {"A": "CT scans", "B": "CT scans", "C": "CT scans", "D": "MRI"}


def test_labels_joined_by_and_are_a_group() -> None:
    assert parts("(A) SEM image. (B) and (C) TEM images.") == {"A": "SEM image", "B": "TEM images", "C": "TEM images"}


def test_a_group_may_be_told_apart_afterwards() -> None:
    said = parse_subcaptions("(A, B) Axial CT. (A) Before surgery. (B) After surgery.")
    assert said is not None
    assert said.parts == {"A": "Before surgery", "B": "After surgery"}
    assert said.text("B") == "Axial CT. After surgery"


def test_sentences_after_the_last_panel_speak_of_all() -> None:
    said = parse_subcaptions("A tumour. (A) CT; (B) MRI. Arrows point at oedema.")
    assert said is not None
    assert said.parts == {"A": "CT", "B": "MRI"}
    assert said.text("A") == "A tumour. CT. Arrows point at oedema"
    long = parse_subcaptions("(A) CT. It shows a mass. (B) MRI. It shows oedema.")
    assert long is not None
    assert long.parts["B"] == "MRI. It shows oedema"


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Left: CT. Right: MRI.", {"left": "CT", "right": "MRI"}),
        ("Upper panel: CT. Lower panel: MRI.", {"top": "CT", "bottom": "MRI"}),
        ("Axial CT (left) and coronal MRI (right).", {"left": "Axial CT", "right": "coronal MRI"}),
        ("Top, CT; middle, MRI; bottom, angiogram.", {"top": "CT", "center": "MRI", "bottom": "angiogram"}),
    ],
)
def test_places_name_panels(caption: str, expected: dict[str, str]) -> None:
    assert parts(caption) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (
            "A renal angiogram on the right (a) shows a stenosis; one on the left (b) is normal.",
            {"A": "A renal angiogram on the right shows a stenosis", "B": "one on the left is normal"},
        ),
        ("The scan is shown in (a), and its mask in (b).", {"A": "The scan", "B": "its mask"}),
        ("Edges are drawn in (a) - red and (b) - blue.", {"A": "red", "B": "blue"}),
        ("Slice (A) of a kidney and its mask (B).", {"A": "Slice of a kidney", "B": "its mask"}),
        (
            "(a) CT. (b)-(c) Views of a cyst: its wall (b); its core (c).",
            {"A": "CT", "B": "its wall", "C": "its core"},
        ),
        ("(1) scans of (a) a knee and (b) a hip, (2) labels, (3) errors", {"A": "a knee", "B": "a hip"}),
        ("Column A shows CT. Column B shows MRI.", {"A": "shows CT", "B": "shows MRI"}),
        ("(a) CT, (b) MRI, (b) PET, (d) SPECT.", {"A": "CT", "B": "MRI", "C": "PET", "D": "SPECT"}),
        ("((a) and (b)) Axial CT. (c) MRI.", {"A": "Axial CT", "B": "Axial CT", "C": "MRI"}),
    ],
)
def test_a_label_may_stand_before_behind_or_within_its_words(caption: str, expected: dict[str, str]) -> None:
    assert parts(caption) == expected


def test_closing_labels_keep_the_lead_and_the_last_sentences() -> None:
    said = parse_subcaptions("A cyst. CT (A) and MRI (B) of a knee. Arrows show oedema.")
    assert said is not None
    assert said.text("A") == "A cyst. CT of a knee. Arrows show oedema"


def test_panels_that_only_the_picture_names_take_what_is_said_of_them() -> None:
    said = of_some("ABC", "A slide beside masks. (b) shows the first model, (c) the second.")
    assert said.parts == {"A": "", "B": "shows the first model", "C": "the second"}
    assert said.text("A") == "A slide beside masks."
    assert of_some("AB", "Two scans.").text("B") == "Two scans."


@pytest.mark.parametrize(
    "caption",
    [
        "Axial CT of the left frontal lobe.",
        "Left frontal tumour, right hemiparesis.",
        "Vitamin A, B and C levels.",
        "(A) Axial CT only.",
        "(B) Coronal and (C) sagittal MRI.",
        "Patient A. The lesion (arrow) is seen.",
        "Hepatitis B: serology.",
        "",
    ],
)
def test_captions_without_panels_are_left_alone(caption: str) -> None:
    assert parse_subcaptions(caption) is None


def test_a_reference_back_is_not_a_new_panel() -> None:
    said = parts("(A) CT before surgery. (B) The lesion of (A) is gone. (C) MRI.")
    assert list(said) == ["A", "B", "C"]
    assert said["B"] == "The lesion of (A) is gone"


def test_small_letters_beside_capitals_mean_something_else() -> None:
    assert list(parts("(A) Assay without (a) or with (b) extract. (B) Control.")) == ["A", "B"]


def test_the_introduction_is_kept_apart() -> None:
    said = parse_subcaptions("A 54-year-old woman. (A) CT. (B) MRI.")
    assert said is not None
    assert said.intro == "A 54-year-old woman."


WORDS = st.lists(st.sampled_from(["axial", "lesion", "oedema", "cyst", "image", "showing"]), min_size=2, max_size=6)


@settings(deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=9), st.sampled_from(["({}) {}", "{}: {}", "{}) {}"]), st.booleans())
def test_what_is_joined_is_taken_apart_again(texts: list[list[str]], form: str, small: bool) -> None:
    said = [" ".join(words).capitalize() for words in texts]
    letters = [chr((97 if small else 65) + i) for i in range(len(said))]
    caption = " ".join(form.format(letter, text) + "." for letter, text in zip(letters, said, strict=True))
    assert list(parts(caption).values()) == said


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_survived(caption: str) -> None:
    said = parse_subcaptions(caption)
    assert said is None or len(said.parts) >= 2
