"""The analysis by examples that a reader of figures would sign, and by what must hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_inference.analysis import ANALYSIS, analyzer
from journalclip_inference.analysis.concepts import SKIPPED, shipped
from journalclip_inference.analysis.folding import fold_word
from journalclip_inference.analysis.languages import language_of
from journalclip_inference.analysis.plurals import singular
from journalclip_inference.analysis.segments import segments
from journalclip_inference.analysis.stems import STEMS, french, german, spanish
from journalclip_inference.analysis.tokens import words_of

ALIKE = """
haematoma hematoma Haematoma hæmatoma Hämatoma
tumour tumor Tumour
oedema edema œdema Ödema
ischaemic ischemic
fibre fiber
centre center
anaesthesia anesthesia
orthopaedic orthopedic
oesophagus esophagus
diarrhoea diarrhea
leukaemia leukemia
caesarean cesarean
visualised visualized
tunnelled tunneled
sulphate sulfate
disk disc
artefact artifact
grey gray
dilation dilatation
naïve naive
ﬁbrosis fibrosis
β beta
T₂ T2 t2
"""
APART = ("toe te", "four for", "shoe she", "hour or", "lens len", "prostate prostrate", "ileum ilium")
PLURALS = """
haematomas haematomata haematoma
abscesses abscess
metastases metastasis
vertebrae vertebra
foramina foramen
gyri gyrus
nuclei nucleus
ganglia ganglion
prostheses prosthesis
stenoses stenosis
diagnoses diagnosis
biopsies biopsy
masses mass
sinuses sinus
cortices cortex
thrombi thrombus
diaphyses diaphysis
fistulae fistulas fistula
carcinomata carcinomas carcinoma
septa septum
fractures fracture
phalanges phalanx
diseases disease
axes axis
"""
SINGULAR = "pons lens biceps pancreas atlas pelvis meninx pus iris thrombus stenosis abscess series diabetes gas bias"


@pytest.mark.parametrize("line", ALIKE.strip().splitlines())
def test_spellings_of_one_word_fold_alike(line: str) -> None:
    assert len({fold_word(word) for word in line.split()}) == 1


@pytest.mark.parametrize("line", APART)
def test_other_words_stay_apart(line: str) -> None:
    one, other = line.split()
    assert singular(fold_word(one)) != singular(fold_word(other))


@pytest.mark.parametrize("line", PLURALS.strip().splitlines())
def test_plurals_have_one_singular(line: str) -> None:
    assert len({singular(fold_word(word)) for word in line.split()}) == 1


@pytest.mark.parametrize("word", SINGULAR.split())
def test_a_singular_that_looks_like_a_plural_stays(word: str) -> None:
    assert singular(fold_word(word)) == word


@given(st.text(max_size=30))
@settings(max_examples=400, deadline=None)
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold_word(text)
    assert fold_word(once) == once


@given(st.from_regex(r"[a-z]{1,14}(s|es|ies|ae|i|a|ata|uses|oses|ses)?", fullmatch=True))
@settings(max_examples=400, deadline=None)
def test_a_singular_has_no_other_singular(word: str) -> None:
    once = singular(fold_word(word))
    assert singular(once) == once


@pytest.mark.parametrize("stem", STEMS.values(), ids=list(STEMS))
@given(word=st.from_regex(r"[a-z]{1,14}", fullmatch=True))
@settings(max_examples=100, deadline=None)
def test_a_stem_begins_the_word(stem: object, word: str) -> None:
    assert callable(stem)
    assert 0 < len(stem(word)) <= len(word)
    assert stem(word)[:3] == word[:3]


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        (german, "Abszess Abszesse Abszesses Abszessen"),
        (german, "Fraktur Frakturen"),
        (german, "Hämatom Hämatome Hämatomen"),
        (spanish, "fractura fracturas"),
        (spanish, "lesión lesiones"),
        (spanish, "quiste quistes"),
        (french, "hématome hématomes"),
        (french, "cérébral cérébrale cérébraux"),
        (french, "anévrisme anévrismes"),
    ],
)
def test_endings_of_other_languages_go(stem: object, words: str) -> None:
    assert callable(stem)
    assert len({stem(fold_word(word)) for word in words.split()}) == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Axial CT of the head showing a subdural haematoma", "en"),
        ("Axiales CT des Kopfes mit einem subduralen Hämatom auf der linken Seite", "de"),
        ("Tomografía axial de la cabeza que muestra un hematoma subdural", "es"),
        ("Scanner axial de la tête montrant un hématome sous-dural dans le lobe", "fr"),
        ("头部轴位CT显示左侧硬膜下血肿", "zh"),
        ("glioblastoma", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_caption(text: str, language: str) -> None:
    assert language_of([word.text for word in words_of(text)], text) == language


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("T1-weighted", ["t1", "weighted"]),
        ("post-operative, sub-dural; extra axial", ["postoperative", "subdural", "extraaxial"]),
        ("non-contrast CT", ["noncontrast", "ct"]),
        ("H&E stain (×400)", ["h", "e", "stain", "400"]),
        ("Baker's cyst", ["baker", "cyst"]),
        ("a 1.5 T scanner", ["a", "1", "5", "t", "scanner"]),
        ("haema\u00adtoma", ["hematoma"]),
        ("硬膜下血肿", ["硬膜", "膜下", "下血", "血肿"]),
        ("", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert [word.text for word in words_of(text)] == words


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_words_stand_where_they_say(text: str) -> None:
    words = words_of(text)
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert [word.start for word in words] == sorted(word.start for word in words)
    analyzer().tokens(text)  # no text breaks it


# What is said (+) and what is denied (-) of the things named.
DENIALS = """
no midline shift                                          -midline_shift
CT with midline shift                                     +midline_shift
a glioma without midline shift, and vasogenic edema       +glioma -midline_shift +oedema
no midline shift, mass effect or hydrocephalus            -midline_shift -mass_effect -hydrocephalus
no fracture. A subdural haematoma is seen                 -fracture +subdural_haematoma
fracture was ruled out                                    -fracture
an aneurysm is not seen                                   -aneurysm
absence of haemorrhage                                    -haemorrhage
negative for infarction                                   -infarct
no evidence of an aneurysm but a stenosis of the artery   -aneurysm +stenosis
no change in the meningioma                               +meningioma
not only oedema                                           +oedema
a fracture cannot be excluded                             +fracture
No. 3: a fracture of the tibia                            +fracture
no aneurysm on CT                                         -aneurysm +ct
no mass effect with edema                                 -mass_effect +oedema
neither fracture nor dislocation                          -fracture -dislocation
abscess without edema or necrosis, meningioma             +abscess -oedema -necrosis +meningioma
keine Fraktur, Abszess mit Ödem der linken Seite der      -fracture +abscess +oedema
sin hematoma subdural en la tomografía de los             -subdural_haematoma
未见骨折,左侧额叶脑膜瘤                                        -fracture +meningioma +left
"""


@pytest.mark.parametrize("line", DENIALS.strip().splitlines())
def test_what_is_denied_is_not_said(line: str) -> None:
    text, *marks = [part.strip() for part in line.split("  ") if part.strip()]
    tokens = set(analyzer().tokens(text))
    for mark in " ".join(marks).split():
        said, denied = f"c:{mark[1:]}", f"no:c:{mark[1:]}"
        assert ((said in tokens), (denied in tokens)) == (mark[0] == "+", mark[0] == "-"), (mark, sorted(tokens))


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("SDH", "subdural_haematoma"),
        ("crescentic hematomas", "subdural_haematoma"),
        ("extradural haemorrhage", "epidural_haematoma"),
        ("glioblastomas", "glioblastoma"),
        ("acoustic neuroma", "vestibular_schwannoma"),
        ("ventriculomegaly", "hydrocephalus"),
        ("wedge fractures", "compression_fracture"),
        ("anterolisthesis", "spondylolisthesis"),
        ("magnetic resonance imaging", "mri"),
        ("fluid attenuated inversion recovery", "flair"),
        ("gadolinium enhanced", "contrast"),
        ("after the operation", "postoperative"),
        ("H & E", "he_stain"),
        ("broken bones", "fracture"),
        ("slipped discs", "disc_herniation"),
        ("Hirnödem", "oedema"),
        ("hernia discal", "disc_herniation"),
        ("动脉瘤", "aneurysm"),
    ],
)
def test_names_of_one_thing(text: str, concept: str) -> None:
    assert f"c:{concept}" in analyzer().tokens(text)


def test_kinds_are_found_by_what_they_are_kinds_of() -> None:
    tokens = analyzer().tokens("Axial FLAIR image of a left frontal glioblastoma")
    assert {"c:flair", "c:mri", "c:glioblastoma", "c:glioma", "c:brain_tumour", "c:tumour", "c:brain"} <= set(tokens)


def test_short_abbreviations_count_in_captions_only_in_capitals() -> None:
    reader = analyzer()
    assert "c:mri" in reader.tokens("MR of the knee")
    assert "c:mri" not in reader.tokens("the patient of mr Smith")
    assert [found.concept.id for found in reader.read("mr of the knee", strict=False).concepts] == ["mri", "knee"]


def test_words_beside_a_name_are_not_the_name() -> None:
    assert "c:frontal_lobe" not in analyzer().tokens("fracture of the frontal bone")
    assert "c:lateral_view" not in analyzer().tokens("dilated lateral ventricles")


def test_no_two_concepts_share_a_name_and_all_are_reachable() -> None:
    owners: dict[tuple[str, ...], str] = {}
    for concept in shipped().by_id.values():
        for name in concept.names:
            words = words_of(name)
            key = tuple(singular(word.text) for word in words if word.text not in SKIPPED or len(words) == 1)
            assert key, f"{concept.id}: {name!r} has no words"
            assert owners.setdefault(key, concept.id) == concept.id, f"{name!r}: {owners[key]} and {concept.id}"
    assert len(shipped().by_id) >= 500


def test_nothing_is_broader_than_itself() -> None:
    for concept_id in shipped().by_id:
        assert concept_id not in shipped().ancestors(concept_id)


def test_the_version_names_rules_and_lists() -> None:
    rules, _, lists = ANALYSIS.partition(".")
    assert rules.isdigit()
    assert len(lists) == 8


@pytest.mark.parametrize(
    ("caption", "parts"),
    [
        ("Axial CT of a haematoma; no shift.", ["Axial CT of a haematoma; no shift."]),
        ("A, Axial CT. B, Sagittal MRI.", ["A, Axial CT.", "B, Sagittal MRI."]),
        ("Case 3. (A) Axial CT. (B) MRI of it.", ["Case 3. (A) Axial CT.", "Case 3. (B) MRI of it."]),
        ("(A-C) Three scans. (D) A graph.", ["(A-C) Three scans.", "(D) A graph."]),
        ("Left: Axial CT. Right: Sagittal MRI.", ["Left: Axial CT.", "Right: Sagittal MRI."]),
        ("Lateral DSA of an artery; Frontal DSA of a vein", ["Lateral DSA of an artery", "Frontal DSA of a vein"]),
        ("Stained by J. B. Smith with T. B. stain", ["Stained by J. B. Smith with T. B. stain"]),
        ("A 40-year-old man with a glioma", ["A 40-year-old man with a glioma"]),
        ("", [""]),
    ],
)
def test_the_parts_of_a_caption(caption: str, parts: list[str]) -> None:
    assert segments(caption) == parts
