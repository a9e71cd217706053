"""Queries taken apart, planned, mended, scored and fused; the engine against a plain count of what rows say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journalclip_devtools.doubles.collection import World
from journalclip_evaluation.reader_queries import TypeFigure
from journalclip_inference.analysis import analyzer
from journalclip_inference.engine import SearchEngine
from journalclip_inference.index.facets import Filters
from journalclip_inference.index.plan import Plan, Term
from journalclip_inference.index.row_words import words_of_row, words_of_rows
from journalclip_inference.index.rows import Row
from journalclip_inference.index.words import RowWords, Words, unpacked, write_words
from journalclip_inference.search.asking import planner_of
from journalclip_inference.search.fusion import TIES, fused, gate, scaled
from journalclip_inference.search.legs import Legs
from journalclip_inference.search.planner import Planner, Understood
from journalclip_inference.search.query import cleaned, typed
from journalclip_inference.search.ranker import Mode
from journalclip_inference.search.reasons import said_beside
from journalclip_inference.search.spelling import Spelling, edits
from journalclip_pipelines.search_quality import Reply, figure_queries, measure
from journalclip_shared.records.caption import CaptionRecord

NO_FILTER = Filters()
CAPTIONS = (
    "Axial CT of the head showing a left frontal subdural haematoma, with midline shift.",
    "Axial CT showing an acute subdural hematoma, no midline shift.",
    "Sagittal T2-weighted MRI demonstrating a lumbar disc herniation.",
    "Coronal FLAIR image of a right temporal glioblastoma without midline shift.",
    "Lateral angiogram of the internal carotid artery with a saccular aneurysm.",
    "Photomicrograph of a meningioma with psammoma bodies (H&E stain).",
    "Axiales CT mit einem Abszess im linken Frontallappen und einem Ödem der Umgebung.",
    "头部轴位CT显示左侧硬膜下血肿，未见骨折。",
    "Postoperative radiograph after resection of the tumour.",
    "Axial CT without evidence of an aneurysm or haemorrhage.",
    "(A) Axial CT of a skull fracture. (B) Coronal MRI of a pituitary adenoma. (C) Lateral radiograph, no fracture.",
)


def rows_of(world: World, captions: Sequence[str] = CAPTIONS) -> list[Row]:
    pair = world.pairs[0]
    made = [
        pair.model_copy(
            update={"pair_id": f"pair_{n:06d}", "text": text, "record": CaptionRecord(), "modality": "unknown"}
        )
        for n, text in enumerate(captions)
    ]
    return [
        Row(pair=each, title=f"Report number {n} on invented heads", doi=f"10.9999/t.{n}")
        for n, each in enumerate(made)
    ]


@pytest.fixture(scope="module")
def rows(served_world: World) -> list[Row]:
    return rows_of(served_world)


@pytest.fixture(scope="module")
def words(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Words:
    return opened(rows, tmp_path_factory.mktemp("words"))


def opened(rows: Sequence[Row], folder: Path) -> Words:
    write_words(words_of_rows(rows), folder / "words.tar")
    return Words(unpacked(folder / "words.tar"))


@pytest.fixture(scope="module")
def planner(words: Words, rows: list[Row]) -> Planner:
    return planner_of([words])


def found(words: Words, understood: Understood) -> list[int]:
    return [int(row) for row in words.top(understood.plan, 20, NO_FILTER)[1]]


# --- taking apart ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dois"),
    [
        ("10.9999/invented.3", ("10.9999/invented.3",)),
        ("https://doi.org/10.9999/Invented.3.", ("10.9999/invented.3",)),
        ("doi: 10.9999/a(b)c), see", ("10.9999/a(b)c",)),
        ("version 10.5 of it", ()),
    ],
)
def test_dois_are_seen(text: str, dois: tuple[str, ...]) -> None:
    assert typed(text).dois == dois


def test_a_query_is_taken_apart() -> None:
    asked = typed('glioma "midline shift" -CT -"left side" T1-weighted pair_abcdef23 case-1.pdf')
    assert asked.phrases == ("midline shift",)
    assert asked.without == ("left side", "CT")
    assert asked.ids == ("pair_abcdef23",)
    assert asked.files == ("case-1.pdf",)
    assert asked.rest == "glioma T1-weighted"


def test_a_pasted_caption_is_cleaned_as_captions_are() -> None:
    assert cleaned("A ﬁbrous\u00a0haema\u00adtoma of the hemi-\nsphere\x0c") == "A fibrous haematoma of the hemisphere"


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_taken_apart(text: str) -> None:
    asked = typed(text)
    assert cleaned(asked.text) == asked.text


# --- planning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("subdural hematoma", {0, 1, 7}),
        ("SDH", {0, 1, 7}),
        ("subdural haematomas", {0, 1, 7}),
        ("CT with midline shift", {0}),
        ("no midline shift", {1, 3}),
        ("subdural haematoma without midline shift", {1}),
        ("slipped disc", {2}),
        ("GBM", {3}),
        ("berry aneurysms", {4}),
        ("meningioma histology", {5}),
        ("Abszesse", {6}),
        ("brain abscess", {6}),
        ("硬膜下血肿", {0, 1, 7}),
        ("after surgery", {8}),
        ("no fracture", {7, 10}),
        ("fracture", {10}),
        ("MRI of a pituitary adenoma", {10}),
        ("subdural haematoma on the left", {0, 7}),
        ("haematoma -CT", set()),
    ],
)
def test_a_reader_finds_what_was_asked(words: Words, planner: Planner, query: str, right: set[int]) -> None:
    plan = planner.plan(query).plan
    scores, rows = words.top(plan, 20, NO_FILTER)
    whole = {row for row, score in zip(rows.tolist(), scores.tolist(), strict=True) if score >= 0.89 * plan.total}
    assert whole == right


def test_panels_do_not_lend_each_other_words(words: Words, planner: Planner) -> None:
    shares = [
        words.scores(plan, [10])[10] / plan.total
        for plan in (planner.plan(f"{what} of a pituitary adenoma").plan for what in ("MRI", "CT"))
    ]
    assert shares[0] == pytest.approx(1.0)
    assert shares[1] < 0.95


@pytest.mark.parametrize(
    ("query", "right"),
    [('"acute subdural"', {1}), ('"subdural acute"', set()), ('CT "midline shift"', {0, 1, 3}), ('"Axiales CT"', {6})],
)
def test_a_phrase_must_stand_as_quoted(words: Words, planner: Planner, query: str, right: set[int]) -> None:
    assert set(found(words, planner.plan(query))) == right


@pytest.mark.parametrize(
    ("query", "typed_as", "read_as"),
    [
        ("meningoima", "meningoima", "meningioma"),
        ("hydroecphalus", "hydroecphalus", "hydrocephalus"),
        ("psamoma", "psamoma", "psammoma"),
        ("glioblastmoa", "glioblastmoa", "glioblastoma"),
        ("resected tumour", None, None),
        ("midlineshift", "midlineshift", "midline shift"),
    ],
)
def test_slips_are_mended_and_told(planner: Planner, query: str, typed_as: str | None, read_as: str | None) -> None:
    told = planner.plan(query).corrections
    assert told == (() if typed_as is None else ((typed_as, read_as),))


@pytest.mark.parametrize("query", ["renal", "tibia", "nasal", "without", "oligodendroglioma", "T1", "10.9999/xyz"])
def test_a_word_that_means_something_is_never_mended(planner: Planner, query: str) -> None:
    assert planner.plan(query).corrections == ()


def test_what_nothing_says_is_told(planner: Planner) -> None:
    assert planner.plan("blorptang meningioma").unknown == ("blorptang",)
    assert planner.plan("asdkjhaskjdh").unknown == ("asdkjhaskjdh",)
    assert planner.plan("EDH").expansions == (("EDH", "epidural haematoma"),)
    assert planner.plan("meningioma").expansions == ()


@pytest.mark.parametrize("query", ["", "the of and", "?!", "pictures", "-", '""', "10.9999/none"])
def test_odd_queries_make_plans(words: Words, planner: Planner, query: str) -> None:
    plan = planner.plan(query).plan
    assert words.top(plan, 5, NO_FILTER)[1].size == 0


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_query_has_shares_between_none_and_all(words: Words, planner: Planner, text: str) -> None:
    plan = planner.plan(text).plan
    scores, _ = words.top(plan, 20, NO_FILTER)
    assert all(0 <= score <= plan.total * (1 + 1e-5) for score in scores.tolist())


# --- the engine against a plain count -------------------------------------------------------------------------------


def counted(plan: Plan, row: Row) -> float:
    """The score of a row by the words of `Plan`, from its tokens: what tantivy must give."""
    words = words_of_row(row, analyzer())
    return max(_counted_panel(plan, words, {name: set(each) for name, each in panel.items()}) for panel in words.panels)


def _counted_panel(plan: Plan, words: RowWords, tokens: Mapping[str, set[str]]) -> float:
    caption = tokens["caption"]
    if any(caption & set(denied.tokens) and not caption & set(denied.unless) for denied in plan.denied):
        return 0.0
    if (caption | tokens["figure"]) & set(plan.without) or not all(
        _together(phrase, words.caption) for phrase in plan.phrases
    ):
        return 0.0
    return sum(term.weight * _earned(term, tokens) for term in plan.terms)


def _together(phrase: Sequence[str], words: Sequence[str]) -> bool:
    return f" {' '.join(phrase)} " in f" {' '.join(words)} "


def _earned(term: Term, tokens: Mapping[str, set[str]]) -> float:
    direct = max((leaf.share for leaf in term.leaves if leaf.token in tokens[leaf.field]), default=0.0)
    total = sum(part.weight for part in term.parts)
    parts = sum(part.weight * _earned(part, tokens) for part in term.parts)
    return max(direct, term.whole * parts / total if total else 0.0)


@pytest.mark.parametrize(
    "query",
    [
        "CT of a pituitary adenoma",
        "left subdural haematoma CT",
        "no midline shift",
        "brain tumour -MRI",
        "glioma",
        '"midline shift" CT',
        "head report",
        "CT fracture",
        "acute haemorrhage of the frontal lobe",
        "硬膜下血肿 CT",
        "postoperative meningioma",
    ],
)
def test_the_engine_scores_as_a_plain_count(words: Words, planner: Planner, rows: list[Row], query: str) -> None:
    plan = planner.plan(query).plan
    scores, positions = words.top(plan, len(rows), NO_FILTER)
    by_engine = dict(zip(positions.tolist(), scores.tolist(), strict=True))
    for position, row in enumerate(rows):
        assert by_engine.get(position, 0.0) == pytest.approx(counted(plan, row), abs=1e-4)
    again = words.scores(plan, [0, 3, 6])
    assert all(again.get(n, 0.0) == pytest.approx(counted(plan, rows[n]), abs=1e-4) for n in (0, 3, 6))


def test_scores_do_not_depend_on_how_rows_lie_in_parts(rows: list[Row], tmp_path: Path) -> None:
    cuts = {"one": [rows], "two": [rows[:4], rows[4:]], "turned": [rows[4:], rows[:4]]}
    found: dict[str, dict[str, float]] = {}
    for name, parts in cuts.items():
        opened_parts = []
        for n, part in enumerate(parts):
            folder = tmp_path / f"{name}{n}"
            folder.mkdir()
            opened_parts.append(opened(part, folder))
        plan = planner_of(opened_parts).plan("left frontal subdural haematoma on CT").plan
        found[name] = {}
        for words, part in zip(opened_parts, parts, strict=True):
            scores, positions = words.top(plan, 20, NO_FILTER)
            found[name] |= {part[n].pair.pair_id: s for n, s in zip(positions.tolist(), scores.tolist(), strict=True)}
    assert found["one"] == pytest.approx(found["two"])
    assert found["two"] == pytest.approx(found["turned"])


def test_equal_rows_give_equal_bytes(rows: list[Row], tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        write_words(words_of_rows(rows), tmp_path / name)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_look_ups_filters_and_titles(words: Words, rows: list[Row]) -> None:
    assert words.known(["id:pair_000004"], NO_FILTER).tolist() == [4]
    assert words.known(["doi:10.9999/t.7"], NO_FILTER).tolist() == [7]
    assert words.known(["doi:10.9999/none"], NO_FILTER).tolist() == []
    assert len(words.known([f"id:{rows[0].pair.figure_id}"], NO_FILTER)) == len(rows)
    assert words.known(["id:pair_000004"], Filters(licence=("nothing",))).size == 0
    scores, positions = words.titles(["report", "number", "3", "invented"], NO_FILTER)
    assert positions[0] == 3
    assert scores[0] == pytest.approx(1.0)
    assert words.phrase(["subdural", "hematoma"], NO_FILTER).tolist() == [0, 1]


# --- letters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("abcd", "abcd", 0),
        ("abcd", "abdc", 1),
        ("abcd", "abd", 1),
        ("abcd", "xbcd", 1),
        ("abcd", "abcde", 1),
        ("ca", "abc", 3),
    ],
)
def test_edits(one: str, other: str, distance: int) -> None:
    assert edits(one, other, 3) == edits(other, one, 3) == distance


@given(st.text("abcde", max_size=9), st.text("abcde", max_size=9))
@settings(max_examples=200, deadline=None)
def test_edits_are_symmetric_and_bounded(one: str, other: str) -> None:
    assert edits(one, other, 9) == edits(other, one, 9) <= max(len(one), len(other))


@given(st.sampled_from(["meningioma", "hydrocephalus", "aneurysm", "infarction"]), st.integers(1, 6), st.booleans())
def test_a_swapped_or_dropped_letter_is_mended(word: str, at: int, swap: bool) -> None:
    spelling = Spelling({"meningioma": 5, "hydrocephalus": 3, "aneurysm": 9, "infarction": 2, "fracture": 7})
    spoilt = word[:at] + word[at + 1] + word[at] + word[at + 2 :] if swap else word[:at] + word[at + 1 :]
    assert spelling.nearest(spoilt) == word


def test_far_words_are_left() -> None:
    spelling = Spelling({"meningioma": 5, "aneurysm": 2})
    assert spelling.nearest("menin") is None
    assert spelling.nearest("xneurysm") is None  # another first letter is another word
    assert spelling.nearest("an") is None
    assert Spelling({}).nearest("aneurysm") is None


# --- fusion ---------------------------------------------------------------------------------------------------------


def test_the_gate_opens_as_captions_fall_silent() -> None:
    assert gate(1.0) == pytest.approx(TIES)
    assert gate(0.0) == pytest.approx(1 + TIES)
    assert gate(1.0, picture=True) == 1.0


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30))
def test_scaled_looks_lie_between_none_and_one_and_keep_their_order(values: list[float]) -> None:
    cosines = np.array(values, np.float32)
    inside = scaled(cosines, float(cosines.min()), float(cosines.max()))
    assert inside.min() >= 0
    assert inside.max() <= 1
    assert (np.diff(inside[np.argsort(cosines)]) >= 0).all()


@given(st.integers(0, 2**32 - 1))
def test_what_a_caption_says_outranks_any_look_where_one_says_it_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = rng.choice(np.array([0, 0.5, 1], np.float32), 40)
    share[0] = 1
    looks = rng.random(40).astype(np.float32)
    total = fused(share, looks, np.zeros(40, np.float32), gate(1.0))
    assert total[share == 1].min() > total[share < 1].max(initial=-math.inf)


def test_looks_alone_decide_where_no_caption_says_it() -> None:
    looks = np.array([0.2, 0.9, 0.5], np.float32)
    total = fused(np.zeros(3, np.float32), looks, np.zeros(3, np.float32), gate(0.0))
    assert np.argsort(-total).tolist() == [1, 2, 0]


# --- the query set as a figure --------------------------------------------------------------------------------------


def test_the_query_set_comes_from_the_records_and_is_answered(engine: SearchEngine) -> None:
    collection = engine.snapshot.collection
    queries = figure_queries([collection.row(position) for position in collection.shown().tolist()], take=4)
    kinds = {query.type for query in queries}
    assert {"finding", "title", "doi", "caption"} <= kinds

    def ask(mode: Mode) -> dict[str, TypeFigure]:
        def reply(text: str, k: int) -> Reply:
            answer = engine.answer(text, k=k, mode=mode)
            return Reply([hit.pair_id for hit in answer.hits], answer.notice is not None)

        return {each.type: each for each in measure(queries, reply)}

    found = ask("best")
    assert found["all"].queries == len(queries)
    assert found["doi"].precision == found["title"].precision == found["caption"].precision == 1.0
    assert found["finding"].precision >= 0.9
    low, high = found["finding"].precision_ci
    assert low <= found["finding"].precision <= high
    assert ask("looks")["finding"].precision < found["finding"].precision  # the model is not trained


@pytest.mark.parametrize(
    "query", ["Annals of Invented Surgery glioma", "MRI Made-up subdural haematoma", "case frontal lobe 2021"]
)
def test_terms_outside_captions_are_told_as_the_rows_own_words_have_them(engine: SearchEngine, query: str) -> None:
    """The index is asked for them; analysing each row's record and article again must say the same."""
    collection, planner = engine.snapshot.collection, engine.snapshot.reader.planner
    plan = planner.plan(query).plan
    positions = list(range(0, len(collection), 2))
    beside = said_beside(Legs(collection, NO_FILTER), plan, positions)
    expected: dict[int, dict[int, float]] = {}
    for position in positions:
        tokens = words_of_row(collection.row(position), analyzer()).panels[0]
        shares = {
            number: max((leaf.share for leaf in term.leaves if leaf.field in ("record", "around")
                         and leaf.token in tokens[leaf.field]), default=0.0)
            for number, term in enumerate(plan.terms)
        }  # fmt: skip
        expected[position] = {number: share for number, share in shares.items() if share}
    assert any(expected.values())
    found = {position: {n: share for n, (_, share) in each.items()} for position, each in beside.items()}
    assert found == {position: pytest.approx(each) for position, each in expected.items()}
