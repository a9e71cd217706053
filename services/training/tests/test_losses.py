from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from journalclip_training.losses import naive
from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import Dense, Groups
from journalclip_training.losses.sigmoid import siglip


def features(n: int, width: int = 8, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    v, t = (normalize(torch.randn(n, width, dtype=torch.float64), dim=1).requires_grad_() for _ in range(2))
    return v, t, torch.tensor(12.0, dtype=torch.float64, requires_grad=True)


def weights(n: int, seed: int = 0) -> Tensor:
    torch.manual_seed(seed + 1)
    w = torch.randn(n, n, dtype=torch.float64)
    return w + w.T


def grads(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, inputs)


@given(n=st.integers(1, 23), block=st.integers(1, 30), lam=st.floats(0, 1), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_blocks_give_the_naive_value_and_gradients(n: int, block: int, lam: float, seed: int) -> None:
    v, t, scale = features(n, seed=seed)
    w = weights(n, seed)
    ours = contrastive(v, t, scale, Dense(w), lam, block=block)
    reference = naive.soft(v, t, scale, naive.targets(w, lam))
    torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(grads(ours, v, t, scale), grads(reference, v, t, scale), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("lam", [0.0, 0.4, 1.0])
def test_gradcheck(lam: float) -> None:
    v, t, scale = features(6, 3)
    assert torch.autograd.gradcheck(
        lambda v, t, s: contrastive(v, t, s, Dense(weights(6)), lam, block=4), (v, t, scale)
    )


def test_lambda_zero_is_plain_clip_bit_for_bit() -> None:
    v, t, scale = (x.detach().float().requires_grad_() for x in features(40))
    plain = contrastive(v, t, scale, block=16)
    soft = contrastive(v, t, scale, Dense(weights(40).float()), lam=0.0, block=16)
    assert torch.equal(plain, soft)
    assert all(torch.equal(a, b) for a, b in zip(grads(plain, v, t, scale), grads(soft, v, t, scale), strict=True))
    torch.testing.assert_close(plain, naive.clip(v, t, scale))


def test_gradient_with_respect_to_the_logits_is_softmax_minus_target() -> None:
    v, t, scale = features(7)
    y = naive.targets(weights(7), 0.5)
    logits = (scale * v @ t.T).detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(logits, y, reduction="sum")
    torch.testing.assert_close(grads(loss, logits)[0], logits.softmax(1) - y)


def test_neutral_pairs_are_in_neither_softmax() -> None:
    v, t, scale = features(5)
    ignored = torch.zeros(5, 5, dtype=torch.bool)
    ignored[1, 3] = ignored[3, 1] = True
    w = torch.full((5, 5), -torch.inf, dtype=torch.float64).fill_diagonal_(0)
    ours = contrastive(v, t, scale, Dense(w, ignored), lam=1.0, block=2)
    logits = (scale * v @ t.T).masked_fill(ignored, -torch.inf)
    labels = torch.arange(5)
    reference = sum(torch.nn.functional.cross_entropy(x, labels) for x in (logits, logits.T)) / 2
    torch.testing.assert_close(ours, torch.as_tensor(reference))
    for mine, theirs in zip(grads(ours, v, t, scale), grads(torch.as_tensor(reference), v, t, scale), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_pairs_of_one_group_share_the_target_evenly() -> None:
    ids = torch.tensor([4, 1, 4, 2, 4])
    y = naive.targets(Groups(ids).tile(slice(0, 5))[0], 1.0)
    torch.testing.assert_close(y[0], torch.tensor([1 / 3, 0, 1 / 3, 0, 1 / 3]))
    v, t, scale = features(5)
    ours = contrastive(v, t, scale, Groups(ids), lam=1.0, block=2)
    torch.testing.assert_close(ours, naive.soft(v, t, scale, y.double()))


@given(n=st.integers(1, 17), block=st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_siglip_blocks_give_the_naive_value_and_gradients(n: int, block: int) -> None:
    v, t, scale = features(n)
    bias = torch.tensor(-3.0, dtype=torch.float64, requires_grad=True)
    ours, reference = siglip(v, t, scale, bias, block=block), naive.siglip(v, t, scale, bias)
    torch.testing.assert_close(ours, reference)
    for mine, theirs in zip(grads(ours, v, t, scale, bias), grads(reference, v, t, scale, bias), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)


def test_far_apart_logits_do_not_overflow() -> None:
    v = torch.eye(3)
    scale = torch.tensor(1e4)
    assert contrastive(v, v, scale, block=1).item() == 0.0
    assert contrastive(v, v.roll(1, 0), scale, block=2).isfinite()
