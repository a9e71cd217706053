"""SeLIP's published similarity, target and loss against its printed formula, on texts of our own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from journalclip_training.losses.published import LogSimilarity, selip
from journalclip_training.similarity.clauses import Clauses, clauses
from journalclip_training.unique_texts import UniqueTexts

NORMAL = "头颅未见异常。"
SITES = ["左侧丘脑", "右侧丘脑", "小脑", "左侧枕叶"]
SIGNALS = ["斑片状高信号", "高信号", "低信号", "信号增高", "长信号"]
CHINESE = st.lists(
    st.builds("在{}表现为{}".format, st.sampled_from(SITES), st.sampled_from(SIGNALS)), min_size=1, max_size=4
).map("，".join)


def printed(a: str, b: str) -> float:
    """The formula as printed, string by string."""
    if a == b:
        return 1.0
    if NORMAL in (a, b):
        return 0.0

    def parts(text: str) -> list[tuple[str, str]]:
        site_and_signal = [clause.removeprefix("在").split("表现为") for clause in text.split("，")]
        return [(site, signal) for site, signal in site_and_signal]

    def tag(signal: str) -> str:
        return next((t for t in ("高信号", "低信号", "长信号", "短信号", "等信号") if t in signal), signal)

    values = []
    for site, signal in parts(a):
        for other_site, other_signal in parts(b):
            one, two = set(site + signal), set(other_site + other_signal)
            alike = 0.5 * (site == other_site) + 0.5 * (tag(signal) == tag(other_signal))
            values.append(alike * 2 * len(one & two) / (len(one) + len(two)))
    return min(1.0, sum(values) / len(values))


@given(st.lists(st.one_of(CHINESE, st.just(NORMAL)), min_size=1, max_size=9, unique=True))
@settings(max_examples=40, deadline=None)
def test_the_matrix_and_its_blocks_are_the_printed_formula(texts: list[str]) -> None:
    expected = np.array([[printed(a, b) for b in texts] for a in texts])
    found = Clauses(texts, NORMAL)
    np.testing.assert_allclose(found.matrix(), expected, atol=1e-6)
    block = found.at(np.arange(len(texts)))
    np.testing.assert_allclose(block(slice(None), slice(None)), expected, atol=1e-6)
    np.testing.assert_allclose(block(slice(0, 2), slice(1, None)), expected[0:2, 1:], atol=1e-6)


def test_the_matrix_is_kept_under_its_texts(tmp_path: Path) -> None:
    texts = ["在小脑表现为高信号", "在左侧丘脑表现为高信号"]
    first = np.array(Clauses(texts).matrix(tmp_path))
    np.testing.assert_array_equal(Clauses(texts).matrix(tmp_path), first)
    assert len(list(tmp_path.glob("*.npy"))) == 1
    Clauses(texts, texts[0]).matrix(tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 2, "another normal text, another matrix"


def test_english_descriptions_are_clauses_too() -> None:
    first, second = clauses("T2WI: hyperintense oval lesion in the left thalamus; no edema.")
    assert (first.site, first.tag, first.parsed) == ("left thalamus", "hyperintense", True)
    assert (second.site, second.tag, second.parsed) == ("no edema", "no edema", False)
    (shows,) = clauses("at the left thalamus shows hyperintense signal")
    assert (shows.site, shows.tag) == (first.site, first.tag)


def batch(n: int = 8) -> tuple[Tensor, Tensor, Tensor, Clauses]:
    torch.manual_seed(0)
    texts = [f"在{SITES[i % 4]}表现为{SIGNALS[i % 5]}" for i in range(n)]
    v, t = (normalize(torch.randn(n, 16, dtype=torch.float64), dim=1).requires_grad_() for _ in range(2))
    return v, t, torch.tensor(1 / 0.07, dtype=torch.float64, requires_grad=True), Clauses(texts)


def test_the_loss_and_its_gradient_are_autograd_of_the_printed_formula() -> None:
    v, t, scale, similarity = batch()
    kernel = LogSimilarity(similarity.at(np.arange(8)))
    s = similarity.at(np.arange(8))(slice(None), slice(None)).double()
    q = s / s.sum(1, keepdim=True)

    def direction(logits: Tensor) -> Tensor:
        divergence = (torch.xlogy(q, q) - q * logits.log_softmax(1)).sum(1).mean()
        return cross_entropy(logits, torch.arange(8)) + divergence

    logits = scale * v @ t.T
    expected = (direction(logits) + direction(logits.T)) / 2
    found = selip(v, t, scale, kernel, block=3)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    for ours, theirs in zip(
        torch.autograd.grad(found, (v, t, scale)), torch.autograd.grad(expected, (v, t, scale)), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80), st.integers(1, 9), st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_no_text_is_twice_in_a_batch_and_no_pair_twice_in_an_epoch(texts: list[int], size: int, seed: int) -> None:
    plan = UniqueTexts(texts, size, seed)
    steps = [plan.at(step) for step in range(plan.steps_per_epoch)]
    assert all(len(step) == plan.size == min(size, len(set(texts))) for step in steps)
    assert all(len({texts[i] for i in step}) == len(step) for step in steps)
    seen = np.concatenate(steps)
    assert len(set(seen.tolist())) == len(seen) == len(texts) - plan.waiting
    counts = Counter(texts).values()
    assert sum(min(count, plan.steps_per_epoch + 1) for count in counts) < (plan.steps_per_epoch + 1) * plan.size, (
        "no plan has more batches"
    )


def test_epochs_differ_and_a_plan_is_a_function_of_its_seed() -> None:
    texts = [0] * 50 + list(range(1, 40))
    plan, again = UniqueTexts(texts, 8, 3), UniqueTexts(texts, 8, 3)
    steps = [3, plan.steps_per_epoch + 3]
    assert all(np.array_equal(plan.at(step), again.at(step)) for step in steps)
    assert not np.array_equal(plan.at(steps[0]), plan.at(steps[1]))
