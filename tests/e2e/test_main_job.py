"""The main job through the command itself: bad files beside good ones, a second run, and kills."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from journalclip_synthetic.journals import write_journals

# The smallest training that still goes through every step.
QUICK = ["--set", "optim.epochs=1", "--set", "model.scratch.layers=1", "--set", "model.scratch.heads=2"]
QUICK += ["--set", "model.scratch.dim=32", "--set", "model.scratch.width=32"]
ARTICLES = 7


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journals")
    write_journals(folder, ARTICLES, seed=5)
    return folder


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "journalclip_pipelines", *map(str, arguments)]


def journalclip(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(command(*arguments, "--json"), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == code, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def finished(journals: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A finished run over good files and every kind of bad one."""
    mixed, workdir = tmp_path_factory.mktemp("mixed"), tmp_path_factory.mktemp("work")
    for pdf in journals.glob("*.pdf"):
        (mixed / pdf.name).write_bytes(pdf.read_bytes())
    first = min(journals.glob("*.pdf"))
    (mixed / "a-copy.pdf").write_bytes(first.read_bytes())
    (mixed / "empty.pdf").write_bytes(b"")
    (mixed / "not-a-pdf.pdf").write_text("<html>nothing here</html>")
    (mixed / "truncated.pdf").write_bytes(first.read_bytes()[:3000])
    (mixed / "no-figures.pdf").write_bytes(_without_figures())
    (mixed / "locked.pdf").write_bytes(_encrypted())
    return workdir, journalclip("run", mixed, "--workdir", workdir, *QUICK)


def _without_figures() -> bytes:
    import pymupdf

    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "An editorial without a single picture. " * 3)
    data: bytes = document.tobytes()
    return data


def _encrypted() -> bytes:
    import pymupdf

    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "secret")
    data: bytes = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")
    return data


@pytest.mark.slow
def test_the_summary_says_what_came_of_every_file(finished: tuple[Path, dict[str, Any]]) -> None:
    _, summary = finished
    codes = {each["name"]: each["code"] for each in summary["quarantine"]}
    assert set(codes) == {"empty.pdf", "not-a-pdf.pdf", "truncated.pdf", "no-figures.pdf", "locked.pdf"}
    assert codes["no-figures.pdf"] == "no-figures"
    assert codes["locked.pdf"] == "pdf-encrypted"
    assert summary["articles"] == ARTICLES + 5
    assert summary["copies"] == 1
    assert summary["leaks"] == 0
    assert summary["pairs"] > ARTICLES
    assert (
        sum(part["pairs"] for part in summary["splits"].values()) + sum(summary["dropped"].values()) == summary["pairs"]
    )
    for when in ("before", "after"):
        for direction in ("image_to_text", "text_to_image"):
            scores = summary["retrieval"][when][direction]
            assert scores["pool"] == summary["splits"]["test"]["pairs"]
            assert 0 <= scores["r1"] <= scores["r5"] <= scores["r10"] <= 1
    assert summary["model"]["version"] == "1"
    assert summary["work_done"] > 0


@pytest.mark.slow
def test_a_second_run_does_no_work_and_says_so(finished: tuple[Path, dict[str, Any]], journals: Path) -> None:
    workdir, first = finished
    second = journalclip("run", journals, "--workdir", workdir, *QUICK)
    assert second["work_done"] == 0
    assert {**second, "work_done": 0} == {**first, "work_done": 0}


@pytest.mark.slow
def test_strict_exits_with_another_code(finished: tuple[Path, dict[str, Any]], journals: Path) -> None:
    workdir, _ = finished
    journalclip("run", journals, "--workdir", workdir, "--strict", *QUICK, code=3)


@pytest.mark.slow
def test_every_article_has_exactly_one_state(finished: tuple[Path, dict[str, Any]]) -> None:
    workdir, summary = finished
    status = journalclip("status", "--workdir", workdir)
    assert status["counts"] == {"structured": ARTICLES, "quarantined": 5}
    assert len({article["source_id"] for article in status["articles"]}) == summary["articles"]
    assert [article["copies"] for article in status["articles"] if article["copies"]]
    listed = journalclip("quarantine", "list", "--workdir", workdir)["quarantined"]
    assert all(each["code"] and each["reason"] and each["remedy"] for each in listed)


@pytest.mark.slow
def test_search_answers_and_explain_walks_a_hit_back(finished: tuple[Path, dict[str, Any]]) -> None:
    workdir, summary = finished
    if summary["model"]["alias"] != "champion":
        pytest.skip("one epoch on seven articles was refused by the gate; search has no champion")
    hits = journalclip("search", "axial CT showing subdural haematoma", "--workdir", workdir)["hits"]
    assert len(hits) == 10
    assert hits[0]["score"] >= hits[-1]["score"]
    trail = journalclip("explain", hits[0]["pair_id"], "--workdir", workdir)
    article = trail["figure"]["article"]
    assert article["pdf"]["sha256"]
    assert trail["figure"]["page"] == hits[0]["page"]
    assert trail["datasets"][0]["dataset_id"] == summary["dataset"]
    assert trail["datasets"][0]["models"][0]["model_id"] == summary["model"]["model_id"]


@pytest.mark.slow
def test_a_kill_at_any_moment_leads_to_the_same_dataset(
    finished: tuple[Path, dict[str, Any]], journals: Path, tmp_path: Path
) -> None:
    kills = int(os.environ.get("JOURNALCLIP_TEST_KILLS", "3"))
    workdir = tmp_path / "work"
    moments = random.Random(11)
    for _ in range(kills):
        run = subprocess.Popen(
            command("run", journals, "--workdir", workdir, *QUICK),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            run.wait(timeout=moments.uniform(0.5, 12))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    calm = journalclip("run", journals, "--workdir", tmp_path / "calm", *QUICK)
    survived = journalclip("run", journals, "--workdir", workdir, *QUICK)
    for key in ("dataset", "dataset_digest", "articles", "figures", "pairs", "splits"):
        assert survived[key] == calm[key]
