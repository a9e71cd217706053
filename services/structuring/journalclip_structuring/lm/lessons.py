"""What a model trained from scratch reads: batches of pseudo reports, shorter ones first.

Reports start with one finding and grow, so that reading is learned before telling findings apart. A batch is a pure
function of configuration and step, so a run that was cut goes on with the batches it would have had; nothing is read
twice, and no text of the evaluation's reports is ever among them. A batch lies as the decoder will see it: prompts end,
and answers begin, at one column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from journalclip_structuring.lm.tokens import END, prompt
from journalclip_structuring.pseudo.corpus import PseudoReport, pseudo_reports
from journalclip_structuring.pseudo.noise import blur
from journalclip_structuring.study import dump

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IGNORE: Final = -100  # cross_entropy's own mark for "no target here"
EVAL_SEED: Final = 1  # reports for evaluation come from this seed, training from any other
_EVAL_REPORTS: Final = 2_000  # so many of them are kept out of training by their text, too
_POOL: Final = 16  # batches drawn at once and sorted by length, so that little of a batch is padding
_STRIDE: Final = 7  # prime to the pool: short and long batches alternate
_SPARE: Final = 4  # indices a pool may use for each report it needs; the rest are repetitions that were left out
_LESSONS: Final = ((160, 1), (320, 2))  # before this step: so many findings at most; from then on, all there are
_MOST: Final = 3


@dataclass(frozen=True)
class Batch:
    """``prompts`` [rows, P] with padding on the left, ``answers`` and ``targets`` [rows, A] with padding on the right.

    ``targets[:, i]`` is what follows ``answers[:, i]``, whose first column is the mark that ends the prompt.
    """

    prompts: Tensor
    answers: Tensor
    targets: Tensor


def batches(
    tokenizer: PreTrainedTokenizerFast, seed: int, rows: int, first: int = 0, more: Sequence[PseudoReport] = ()
) -> Iterator[Batch]:
    """Endless, from step ``first`` on; ``more`` reports are mixed in, a quarter of each pool at most."""
    for number in count(first // _POOL):
        pool = _pool(tokenizer, seed, rows, lesson(number * _POOL), number, more)
        chunks = [pool[start : start + rows] for start in range(0, len(pool), rows)]
        ordered = [chunks[index * _STRIDE % _POOL] for index in range(_POOL)]
        skipped = first % _POOL if number == first // _POOL else 0
        for chunk in ordered[skipped:]:
            yield collate(chunk, int(tokenizer.pad_token_id))


def lesson(step: int) -> int:
    """Findings a report may have."""
    return next((most for until, most in _LESSONS if step < until), _MOST)


def _pool(
    tokenizer: PreTrainedTokenizerFast, seed: int, rows: int, most: int, number: int, more: Sequence[PseudoReport]
) -> list[tuple[list[int], list[int]]]:
    reports = _mixed(_reports(seed, rows * _POOL, most, number), more, most, Random(f"{seed}:{number}"))  # noqa: S311
    asked = tokenizer([prompt(_noisy(each)) for each in reports]).input_ids
    answered = tokenizer([dump(each.study) + END for each in reports]).input_ids
    return sorted(zip(asked, answered, strict=True), key=lambda pair: len(pair[0]) + len(pair[1]))


def _reports(seed: int, size: int, most: int, number: int) -> list[PseudoReport]:
    drawn = pseudo_reports(seed, size * _SPARE, most=most, first=number * size * _SPARE)
    return list(islice((each for each in drawn if each.text not in _evaluation()), size))


def _mixed(drawn: list[PseudoReport], more: Sequence[PseudoReport], most: int, rng: Random) -> list[PseudoReport]:
    """Some of ``more`` in place of the first of those drawn."""
    fit = [each for each in more if len(each.study.findings) <= most and each.text not in _evaluation()]
    taken = rng.sample(fit, min(len(fit), len(drawn) // 4))
    return [*taken, *drawn[len(taken) :]]


@cache
def _evaluation() -> frozenset[str]:
    return frozenset(each.text for each in pseudo_reports(EVAL_SEED, _EVAL_REPORTS))


def _noisy(report: PseudoReport) -> str:
    return blur(report.text, Random(report.report_id))  # noqa: S311 - seeded on purpose


def collate(pairs: Sequence[tuple[list[int], list[int]]], pad: int) -> Batch:
    """Pairs of prompt and answer ids, the prompt's last being the mark that ends it, as one batch."""
    width = max(len(asked) for asked, _ in pairs) - 1
    length = max(len(answered) for _, answered in pairs)
    prompts = torch.full((len(pairs), width), pad)
    answers = torch.full((len(pairs), length), pad)
    targets = torch.full((len(pairs), length), IGNORE)
    for row, (asked, answered) in enumerate(pairs):
        prompts[row, width - len(asked) + 1 :] = torch.tensor(asked[:-1])
        answers[row, : len(answered)] = torch.tensor([asked[-1], *answered[:-1]])
        targets[row, : len(answered)] = torch.tensor(answered)
    return Batch(prompts, answers, targets)
