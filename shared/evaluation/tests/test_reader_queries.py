"""A reader's queries: made from records of either kind, graded, and compared over the same queries only."""

from __future__ import annotations

import math

import numpy as np
import pytest

from journalclip_evaluation.reader_queries import (
    JudgedQuery,
    Place,
    Said,
    asked_by_vectors,
    compare_queries,
    figures,
    queries_of,
    said_of_pair,
    said_of_study,
)
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.report import ReportRecord, WholeFinding
from journalclip_shared.records.study import ExtractedVolume, StructuredStudy

NONE = ArtifactRef(uri="artifact://figures/none", sha256="0" * 64, bytes=0, media_type="image/png")


def items() -> list[Said]:
    places = [("glioma", "left"), ("glioma", "right"), ("infarct", "left")]
    return [
        Said(f"{n}", (Place(term, (side,), ("thalamus",)),), ("fracture",), ("MRI",))
        for n in range(12)
        for term, side in (places[n % 3],)
    ]


def test_figures_of_one_ranking() -> None:
    precision, ndcg, reciprocal = figures([0.0, 1.0, 0.5, 2.0], [2.0, 1.0, 1.0, 0.5])
    assert precision == pytest.approx(2 / 3), "half right is not right"
    best = 2 + 1 / math.log2(3) + 1 / math.log2(4) + 0.5 / math.log2(5)
    assert ndcg == pytest.approx((1 / math.log2(3) + 0.5 / math.log2(4) + 2 / math.log2(5)) / best)
    assert reciprocal == 0.5
    assert figures([], [1.0]) == (0.0, 0.0, 0.0)
    assert figures([0.5], [0.5])[0] == 0.0


def test_queries_are_graded_and_need_several_right_items() -> None:
    made = {query.text: query for query in queries_of(items())}
    assert set(made) == {
        "glioma", "infarct", "MRI glioma", "MRI infarct", "glioma in the left thalamus", "glioma in the right thalamus",
        "infarct in the left thalamus", "no fracture",
    }  # fmt: skip
    left = made["glioma in the left thalamus"]
    assert sorted(left.right.values()) == [0.5] * 4 + [1.0] * 4
    assert set(made["no fracture"].right.values()) == {1.0}
    assert len(queries_of(items(), take=1)) == 4
    assert queries_of(items()[:2]) == []


def test_the_best_vectors_are_counted_whatever_the_size() -> None:
    queries = [each for each in queries_of(items()) if each.type == "finding"]
    eye = np.eye(2, dtype=np.float32)
    ids = [item.id for item in items()]
    right = np.stack([eye[0 if item.findings[0].term == "glioma" else 1] for item in items()])
    found = asked_by_vectors(queries, eye, right, ids)
    assert found.all.precision == 1.0
    assert found.all.precision_ci == (0.0, 1.0), "two queries are too few for an interval"
    turned = asked_by_vectors(queries, eye[::-1], right, ids)
    assert turned.all.precision < 0.7
    difference = compare_queries(turned, found)
    assert difference is not None
    assert difference.mean > 0.3
    other = asked_by_vectors([JudgedQuery(type="finding", text="x", right={"0": 1.0})], eye[:1], right, ids)
    assert compare_queries(other, found) is None


def test_both_kinds_say_their_findings() -> None:
    record = CaptionRecord(
        findings=(Finding(term="glioma", laterality="left"), Finding(term="edema", negated=True)),
        anatomy=(Coded(term="thalamus"),),
        laterality=(Coded(term="right"),),
    )
    pair = Pair(
        pair_id="pair_1", article_id="art_1", figure_id="fig_1", label="Fig. 1", image=NONE, text="A glioma.",
        record=record, page=1, modality="MRI",
    )  # fmt: skip
    assert said_of_pair(pair) == Said("pair_1", (Place("glioma", ("left",), ("thalamus",)),), ("edema",), ("MRI",))
    whole = (WholeFinding(term="infarct", laterality="left", site="pons"), WholeFinding(term="mass", negated=True))
    volume = ExtractedVolume(series_id="ser_1", sequence="DWI", confidence=1, volume=NONE, spacing=(1, 1, 1))
    study = StructuredStudy(
        study_id="std_1", patient="pat_1", extractor="x", structurer="x", source=NONE, grid=(1, 1, 1),
        volumes=(volume,), record=ReportRecord(findings=whole),
    )  # fmt: skip
    assert said_of_study(study) == Said("std_1", (Place("infarct", ("left",), ("pons",)),), ("mass",), ("DWI",))
