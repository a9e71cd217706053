from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from journalclip_devtools.benches.extraction import bench, load_gold, similarity
from journalclip_devtools.doubles.pdfs import Journal
from journalclip_shared.errors import PermanentError

CORPUS = Path(os.environ.get("JOURNALCLIP_CORPUS", Path(__file__).parents[3] / "shared" / "corpus" / "dev"))


def folder(tmp_path: Path, figures: list[dict[str, object]]) -> Path:
    journal = Journal().paragraph(50, 80, rows=10).picture((50, 220, 285, 400))
    (tmp_path / "a.pdf").write_bytes(journal.text(50, 415, "Figure 1. Axial CT of the head.").pdf())
    (tmp_path / "gold.json").write_text(json.dumps({"a.pdf": {"journal": "J", "figures": figures}}))
    return tmp_path


def gold(**changes: object) -> dict[str, object]:
    figure: dict[str, object] = {"number": "1", "caption": "Axial CT of the head.", "page": 1, "scored": True}
    return figure | {"bbox": [50, 220, 285, 400], "bbox_page": 1, "bbox_kind": "single"} | changes


def test_a_right_figure_counts_everywhere(tmp_path: Path) -> None:
    score = bench(folder(tmp_path, [gold()]))
    assert (score.precision, score.recall, score.f1, score.with_box, score.box_single) == (1, 1, 1, 1, 1)
    assert score.ratio > 0


def test_a_wrong_caption_and_a_wrong_box_are_misses(tmp_path: Path) -> None:
    score = bench(folder(tmp_path, [gold(caption="Something else altogether", bbox=[300, 500, 400, 600])]))
    assert (score.recall, score.box_single) == (0, 0)
    assert {miss["what"] for miss in score.misses} == {"caption", "box single"}


def test_a_number_that_gold_does_not_know_is_spurious(tmp_path: Path) -> None:
    score = bench(folder(tmp_path, [gold(number="2")]))
    assert (score.spurious, score.precision) == (1, 0)


def test_an_unscored_figure_counts_neither_way(tmp_path: Path) -> None:
    score = bench(folder(tmp_path, [gold(scored=False)]))
    assert (score.gold, score.spurious) == (0, 0)


@pytest.mark.parametrize(("content", "code"), [(None, "gold-missing"), ("{", "gold-invalid"), ("[]", "gold-invalid")])
def test_gold_is_checked(tmp_path: Path, content: str | None, code: str) -> None:
    if content is not None:
        (tmp_path / "gold.json").write_text(content)
    with pytest.raises(PermanentError) as caught:
        load_gold(tmp_path)
    assert caught.value.code == code


def test_similarity_ignores_case_space_and_form() -> None:
    assert similarity("Ａxial  CT,", "axial ct") == 1


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not (CORPUS / "gold.json").exists(), reason=f"no corpus at {CORPUS}; set JOURNALCLIP_CORPUS")
def test_the_corpus_keeps_its_score() -> None:
    score = bench(CORPUS)
    assert score.f1 >= 0.985
    assert score.with_box >= 0.98
    assert score.box_single >= 0.96
    assert score.failed == {}
