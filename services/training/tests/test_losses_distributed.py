from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import normalize

from journalclip_devtools.doubles.processes import forked
from journalclip_training.losses.contrast import contrastive
from journalclip_training.losses.kernel import Dense, Kernel
from journalclip_training.losses.process_group import Distributed, ProcessGroup, Single
from journalclip_training.losses.published import selip
from journalclip_training.losses.sigmoid import siglip

PAIRS, INPUT, WIDTH = 8, 5, 6
KINDS = ("clip", "soft", "neutral", "siglip", "selip")


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    x, y, w, s = (torch.randn(*shape, dtype=torch.float64) for shape in ((8, 5), (8, 5), (5, 6), (8, 8)))
    return x, y, w, s + s.T


def loss_of(kind: str, v: Tensor, t: Tensor, scale: Tensor, similarity: Tensor, world: ProcessGroup) -> Tensor:
    if kind == "siglip":
        return siglip(v, t, scale, torch.tensor(-2.0, dtype=v.dtype), world, block=2)
    if kind == "selip":
        return selip(v, t, scale, Dense((similarity.tanh() / 2 + 0.5).fill_diagonal_(1).log()), world, block=3)
    ignored = None
    if kind == "neutral":
        ignored = torch.zeros(PAIRS, PAIRS, dtype=torch.bool)
        ignored[0, 5] = ignored[5, 0] = True
        similarity = similarity.masked_fill(ignored, -torch.inf)
    kernel: Kernel = Dense(similarity, ignored)
    return contrastive(v, t, scale, kernel, {"clip": 0.0, "soft": 0.4, "neutral": 0.4}[kind], world, block=3)


def gradients(kind: str, world: ProcessGroup) -> tuple[Tensor, Tensor, Tensor]:
    """Value and gradients of one shared weight and the scale, averaged over ranks as data-parallel training does."""
    x, y, w, similarity = inputs()
    weight, scale = w.requires_grad_(), torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
    mine = slice(world.rank * PAIRS // world.size, (world.rank + 1) * PAIRS // world.size)
    loss = loss_of(
        kind, normalize(x[mine] @ weight, dim=1), normalize(y[mine] @ weight, dim=1), scale, similarity, world
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert scale.grad is not None
    return loss.detach(), world.sum(weight.grad) / world.size, world.sum(scale.grad) / world.size


def rank_main(rank: int, size: int, folder: str) -> None:
    store = dist.FileStore(  # type: ignore[attr-defined]
        f"{folder}/rendezvous", size
    )
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=300))
    found = {kind: gradients(kind, Distributed()) for kind in KINDS}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize("size", [2, 3, 4])  # three ranks hold 2, 3 and 3 pairs
def test_ranks_together_equal_one_process(size: int, tmp_path: Path) -> None:
    ranks = [forked().Process(target=rank_main, args=(rank, size, str(tmp_path))) for rank in range(size)]
    for each in ranks:
        each.start()
    for each in ranks:
        each.join()
    assert [each.exitcode for each in ranks] == [0] * size
    for kind in KINDS:
        alone = gradients(kind, Single())
        for rank in range(size):
            for ours, reference in zip(torch.load(tmp_path / f"{rank}.pt")[kind], alone, strict=True):
                torch.testing.assert_close(ours, reference, rtol=0, atol=1e-9)
