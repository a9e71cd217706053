"""Models trained from scratch: constrained answers are always valid, training is resumable and deterministic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.report import ReportRecord
from journalclip_structuring.errors import BadSetting
from journalclip_structuring.lm.decode import compile_grammar, decode
from journalclip_structuring.lm.local import LocalStructurer
from journalclip_structuring.lm.scratch import Progress, ScratchConfig, batches, lesson, schedule, train_from_scratch
from journalclip_structuring.lm.tokens import END, answer_pieces, prompt, train_tokenizer
from journalclip_structuring.pseudo.corpus import pseudo_reports
from journalclip_structuring.structurer import StructureRequest
from journalclip_structuring.study import dump, json_schema, load

TINY = ScratchConfig(seed=3, steps=4, batch=4, hidden=32, layers=2, heads=2, intermediate=48, save_every=2, threads=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps: it knows nothing, so whatever is valid in its answers is the grammar's doing."""
    folder = tmp_path_factory.mktemp("lm")
    train_from_scratch(folder, TINY)
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_an_answer_comes_back_from_its_tokens_and_is_about_one_token_a_fact() -> None:
    reports = list(pseudo_reports(5, 200))
    tokenizer = train_tokenizer(report.text for report in reports)
    for report in reports:
        ids = tokenizer(dump(report.study) + END).input_ids
        assert tokenizer.decode(ids, skip_special_tokens=True) == dump(report.study)
        facts = len(dump(report.study).split(":")) + 3 * sum(bool(f.size) for f in report.study.findings)
        assert len(ids) < 3 * facts + 20


def test_no_piece_of_an_answer_comes_up_in_a_report() -> None:
    long = [piece for piece in answer_pieces() if '"' in piece and len(piece) > 4]
    for report in pseudo_reports(5, 100):
        assert not [piece for piece in long if piece in prompt(report.text)]


def test_even_an_untaught_model_can_only_write_valid_studies(trained: Path) -> None:
    structurer = LocalStructurer(trained / "model", batch=8)
    reports = list(pseudo_reports(1, 12)) + list(pseudo_reports(1, 4, "held_out"))
    results = structurer.structure([StructureRequest(each.report_id, each.text, "report") for each in reports])
    assert [result.request_id for result in results] == [report.report_id for report in reports]
    for result in results:
        assert isinstance(result.record, ReportRecord) or (result.failure and result.failure.code == "answer-too-long")
    assert any(isinstance(result.record, ReportRecord) for result in results)


def test_batching_does_not_change_an_answer(trained: Path) -> None:
    requests = [StructureRequest(each.report_id, each.text, "report") for each in pseudo_reports(1, 6)]
    alone = LocalStructurer(trained / "model", batch=1).structure(requests)
    together = LocalStructurer(trained / "model", batch=6).structure(requests)
    assert alone == together


def test_captions_are_done_by_rules(trained: Path) -> None:
    (result,) = LocalStructurer(trained / "model").structure([StructureRequest("1", "Axial CT.")])
    assert isinstance(result.record, CaptionRecord)


def test_an_answer_that_meets_the_limit_is_none_never_torn(trained: Path) -> None:
    structurer = LocalStructurer(trained / "model")
    grammar = compile_grammar(structurer._tokenizer, json_schema(), structurer._model.config.vocab_size)
    (answer,) = decode(structurer._model, structurer._tokenizer, grammar, [prompt("No infarct.")], limit=2)
    assert answer is None
    (whole,) = decode(structurer._model, structurer._tokenizer, grammar, [prompt("No infarct.")], limit=2000)
    assert whole is not None
    load(whole)


def test_a_run_that_was_cut_goes_on_to_the_same_weights(tmp_path: Path, trained: Path) -> None:
    class Cut(Exception):
        """Stands for a kill after the second step's checkpoint."""

    steps: list[int] = []

    def cut(progress: Progress) -> None:
        steps.append(progress.step)
        raise Cut

    with pytest.raises(Cut):
        train_from_scratch(tmp_path, TINY, cut)
    assert (tmp_path / "checkpoint.pt").exists()
    assert not (tmp_path / "model").exists()
    train_from_scratch(tmp_path, TINY, lambda progress: steps.append(progress.step))
    assert steps == [4, 4]
    assert weights(tmp_path) == weights(trained)


def test_another_configuration_starts_anew(tmp_path: Path) -> None:
    train_from_scratch(tmp_path, TINY)
    first = weights(tmp_path)
    train_from_scratch(tmp_path, replace(TINY, learning_rate=1e-2))
    assert weights(tmp_path) != first


def test_batches_put_the_loss_on_answers_alone() -> None:
    tokenizer = train_tokenizer(each.text for each in pseudo_reports(5, 200))
    tokens_BT, targets_BT = next(batches(tokenizer, TINY))
    assert tokens_BT.shape == targets_BT.shape
    for tokens, targets in zip(tokens_BT, targets_BT, strict=True):
        asked = targets != -100
        load(tokenizer.decode(targets[asked], skip_special_tokens=True))
        first = int(torch.nonzero(asked)[0])
        assert tokens[first] == tokenizer.convert_tokens_to_ids("<answer>")


def test_lessons_and_learning_rate_follow_the_steps() -> None:
    assert [lesson(done) for done in (0.0, 0.4, 0.9)] == [1, 2, 3]
    config = ScratchConfig(steps=1000, warmup=10)
    assert schedule(0, config) == pytest.approx(0.1)
    assert schedule(10, config) == pytest.approx(1.0)
    assert schedule(1000, config) == pytest.approx(0.01)


def test_the_evaluation_seed_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="evaluation"):
        ScratchConfig(seed=1)


def test_a_folder_that_is_none_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSetting):
        LocalStructurer(tmp_path / "nothing")
