"""Models trained from scratch: constrained answers are always valid, training is resumable and deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.report import ReportRecord
from journalclip_structuring.errors import BadSetting
from journalclip_structuring.lm import lessons, scratch
from journalclip_structuring.lm.decode import decode
from journalclip_structuring.lm.grammar import compile_grammar
from journalclip_structuring.lm.lessons import IGNORE, batches, lesson
from journalclip_structuring.lm.local import LocalStructurer
from journalclip_structuring.lm.network import answer_logits, new_model, prefix_mask
from journalclip_structuring.lm.optim import Muon, orthogonal
from journalclip_structuring.lm.scratch import Progress, ScratchConfig, schedule, train_from_scratch
from journalclip_structuring.lm.tokens import END, UNKNOWN, answer_pieces, phrases, prompt, train_tokenizer
from journalclip_structuring.pseudo.corpus import pseudo_reports
from journalclip_structuring.structurer import StructureRequest
from journalclip_structuring.study import dump, json_schema, load

TINY = ScratchConfig(seed=3, steps=4, batch=4, hidden=32, layers=2, heads=2, intermediate=48, save_every=2, threads=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of a busy machine wait for each other longer than these matrices take to multiply."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(each.text for each in pseudo_reports(5, 500))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps: it knows nothing, so whatever is valid in its answers is the grammar's doing."""
    folder = tmp_path_factory.mktemp("lm")
    train_from_scratch(folder, TINY)
    return folder


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_an_answer_comes_back_from_its_tokens_and_is_about_one_token_a_fact(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    for report in pseudo_reports(5, 200):
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


def test_neither_threads_nor_a_change_of_length_before_the_descent_change_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(TINY, steps=2, save_every=1)
    train_from_scratch(tmp_path / "whole", config)

    class Cut(Exception):
        """Stands for a kill after the first step."""

    def cut(progress: Progress) -> None:
        raise Cut

    monkeypatch.setattr(scratch, "_REPORT_EVERY", 2)
    with pytest.raises(Cut):
        train_from_scratch(tmp_path / "cut", replace(config, steps=20), cut)
    states = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)
    assert states["step"] == 1
    steps: list[float] = []
    train_from_scratch(tmp_path / "cut", replace(config, threads=2), lambda progress: steps.append(progress.step))
    assert weights(tmp_path / "cut") == weights(tmp_path / "whole")


def test_batches_put_the_loss_on_answers_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    batch = next(batches(tokenizer, seed=3, rows=4))
    mark = tokenizer.convert_tokens_to_ids("<answer>")
    assert (batch.answers[:, 0] == mark).all()
    assert not (batch.prompts == mark).any()
    for answers, targets in zip(batch.answers, batch.targets, strict=True):
        asked = targets[targets != IGNORE]
        load(tokenizer.decode(asked, skip_special_tokens=True))
        assert (answers[1 : len(asked)] == asked[:-1]).all()


def test_batches_from_the_middle_are_those_of_the_whole_run(tokenizer: PreTrainedTokenizerFast) -> None:
    whole = list(islice(batches(tokenizer, seed=3, rows=2), 20))
    rest = list(islice(batches(tokenizer, seed=3, rows=2, first=18), 2))
    for one, other in zip(whole[18:], rest, strict=True):
        assert torch.equal(one.prompts, other.prompts)
        assert torch.equal(one.targets, other.targets)


def test_no_evaluation_report_is_ever_read(tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = list(pseudo_reports(3, 64))
    monkeypatch.setattr(lessons, "_evaluation", lambda: frozenset(each.text for each in reports))
    for report in lessons._reports(3, 2, 3, 0):
        assert report.text not in {each.text for each in reports}


def test_reports_grow_and_the_learning_rate_falls() -> None:
    assert [lesson(step) for step in (0, 159, 160, 320, 10**6)] == [1, 1, 2, 3, 3]
    config = ScratchConfig(steps=1000, warmup=10)
    assert schedule(0, config) == pytest.approx(0.1)
    assert schedule(10, config) == pytest.approx(1.0)
    assert schedule(600, config) == pytest.approx(1.0)
    assert schedule(800, config) == pytest.approx(0.505)
    assert schedule(1000, config) == pytest.approx(0.01)


def test_the_training_pass_equals_the_librarys_under_the_same_mask(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    model = new_model(tokenizer, 32, 3, 4, 48)
    batch = next(batches(tokenizer, seed=3, rows=5))
    wanted = batch.targets != IGNORE
    tokens = torch.cat([batch.prompts, batch.answers], 1)
    mask = prefix_mask(batch.prompts, batch.answers.shape[1], int(tokenizer.pad_token_id))
    theirs = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits[:, batch.prompts.shape[1] :]
    torch.testing.assert_close(answer_logits(model, batch, wanted), theirs[wanted])


def test_an_answer_sees_no_later_token_and_a_report_sees_no_answer() -> None:
    prompts = torch.tensor([[9, 5, 6], [5, 6, 7]])  # 9 pads
    (one,), (other,) = prefix_mask(prompts, 2, 9)
    seen = (one == 0).int().tolist()
    assert seen == [[0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 1]]
    assert (other[:3, :3] == 0).all()


def test_muon_steps_along_orthogonal_matrices_whatever_their_shape() -> None:
    torch.manual_seed(0)
    for shape in ((8, 24), (24, 8)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(2, *shape)))
        assert values.min() > 0.5
        assert values.max() < 1.4
    weight = torch.nn.Parameter(torch.zeros(6, 4))
    goal = torch.randn(6, 4)
    optimizer = Muon([weight], lr=0.05, weight_decay=0.0)
    losses = []
    for _ in range(200):
        loss = ((weight - goal) ** 2).sum()
        losses.append(float(loss.detach()))
        weight.grad = 2 * (weight - goal).detach()
        optimizer.step()
    assert losses[-1] < 0.05 * losses[0]


def test_terms_are_one_token_each_and_strange_words_are_unknown(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer(prompt("Lacunar infarcts on contrast-enhanced images: zorblax, 12 mm.")).input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == [
        "<report>", "lacunar infarcts", "on", "contrast-enhanced images", ":", UNKNOWN, ",",
        "12", "mm", ".", "<answer>",
    ]  # fmt: skip
    assert not [phrase for phrase in phrases() if phrase != phrase.lower()]


def test_the_evaluation_seed_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="evaluation"):
        ScratchConfig(seed=1)


def test_a_folder_that_is_none_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSetting):
        LocalStructurer(tmp_path / "nothing")
