"""Training a small causal LM from nothing on pseudo reports: own tokenizer, own weights, no download.

The loss is on the answer's tokens only, and everything follows from the seed. A batch is always worked on in the same
two parts, each by one thread where there are two: matrices this small are multiplied faster by one core than by two
that wait for each other. A checkpoint is written whole or not at all; a run that finds one of the same configuration
goes on from it and ends with the weights of an undisturbed run. Only the number of steps may differ, as long as the
learning rate has not begun to fall in either run: until then they are the same. The result is a folder that
`transformers.AutoModelForCausalLM` and `AutoTokenizer` load offline.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from journalclip_shared.ids import sha256_hex
from journalclip_structuring.lm.lessons import EVAL_SEED, IGNORE, Batch, batches
from journalclip_structuring.lm.network import answer_logits, new_model
from journalclip_structuring.lm.optim import Both
from journalclip_structuring.lm.tokens import train_tokenizer
from journalclip_structuring.pseudo.corpus import PseudoReport, pseudo_reports

_TOKENIZER_TEXTS = 5_000  # every word of the templates comes up in far fewer
_REPORT_EVERY = 20  # steps
_DESCENT = 0.4  # of the steps: while the learning rate falls
_PARTS = 2  # of a batch, whatever the number of threads, so that it does not change a weight


@dataclass(frozen=True)
class ScratchConfig:
    """Sizes fit two CPU cores and half an hour."""

    seed: int = 0
    steps: int = 4_000
    batch: int = 32
    learning_rate: float = 4e-3
    warmup: int = 40
    weight_decay: float = 0.05
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    intermediate: int = 352
    threads: int = 2
    save_every: int = 50  # steps; a checkpoint is ten megabytes
    reports: str = ""  # digest of the further reports that were mixed in

    def __post_init__(self) -> None:
        if self.seed == EVAL_SEED:
            raise ValueError(f"seed {EVAL_SEED} is kept for evaluation")


@dataclass(frozen=True)
class Progress:
    """Where training stands; ``seconds`` and ``core_seconds`` (processor time) are those of all calls that led here."""

    step: int
    steps: int
    loss: float
    seconds: float
    core_seconds: float


class _Clock:
    """Wall and processor time of this call on top of those of the calls before it."""

    def __init__(self, seconds: float, core_seconds: float) -> None:
        self._wall = time.monotonic() - seconds
        self._core = time.process_time() - core_seconds

    def read(self) -> tuple[float, float]:
        return time.monotonic() - self._wall, time.process_time() - self._core


def train_from_scratch(
    folder: Path,
    config: ScratchConfig,
    report: Callable[[Progress], None] = lambda _: None,
    more: Sequence[PseudoReport] = (),
) -> None:
    """Train into ``folder``, or go on from the checkpoint that lies there; ``more`` reports are mixed in."""
    config = replace(config, reports=_digest(more))
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    before = time.process_time()
    tokenizer = _tokenizer(config.seed, tuple(each.text for each in more))
    model = new_model(tokenizer, config.hidden, config.layers, config.heads, config.intermediate)
    optimizer = _optimizer(model, config)
    step, seconds, core_seconds = _resume(folder, config, model, optimizer)
    clock = _Clock(seconds, core_seconds + time.process_time() - before)
    recent: list[float] = []
    reading = islice(batches(tokenizer, config.seed, config.batch, step, more), config.steps - step)
    with ThreadPoolExecutor(min(config.threads, _PARTS), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for batch in reading:
            recent.append(_update(model, optimizer, batch, config.learning_rate * schedule(step, config), pool))
            step += 1
            if step % _REPORT_EVERY == 0 or step == config.steps:
                report(Progress(step, config.steps, sum(recent) / len(recent), *clock.read()))
                recent.clear()
            if step % config.save_every == 0:
                _save_checkpoint(folder, config, step, clock, model, optimizer)
    _save_model(folder, config, model, tokenizer)


@cache
def _tokenizer(seed: int, more: tuple[str, ...]) -> PreTrainedTokenizerFast:
    return train_tokenizer(chain((each.text for each in pseudo_reports(seed, _TOKENIZER_TEXTS)), more))


def _digest(reports: Sequence[PseudoReport]) -> str:
    """What a checkpoint knows its further reports by; empty for none."""
    return sha256_hex("\0".join(each.text for each in reports).encode())[:16] if reports else ""


def schedule(step: int, config: ScratchConfig) -> float:
    """Linear warm-up, level, and for the last two fifths linear down to a hundredth.

    Level until late, so that runs of any length agree in all but their ends.
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    left = (config.steps - step) / (_DESCENT * config.steps)
    return 0.01 + 0.99 * min(1.0, max(0.0, left))


def _optimizer(model: LlamaForCausalLM, config: ScratchConfig) -> Both:
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "layers" in name]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return Both(matrices, others, config.learning_rate, config.weight_decay)


def _update(
    model: LlamaForCausalLM, optimizer: Both, batch: Batch, learning_rate: float, pool: ThreadPoolExecutor
) -> float:
    """One step on the mean loss of all targets of the batch; returns that loss."""
    parameters = list(model.parameters())
    share = 1 / int((batch.targets != IGNORE).sum())

    def part(number: int) -> tuple[float, Sequence[Tensor]]:
        mine = Batch(*(each[number::_PARTS] for each in (batch.prompts, batch.answers, batch.targets)))
        wanted = mine.targets != IGNORE
        logits = answer_logits(model, mine, wanted)
        loss = functional.cross_entropy(logits, mine.targets[wanted], reduction="sum") * share
        return float(loss.detach()), torch.autograd.grad(loss, parameters)

    done = list(pool.map(part, range(min(_PARTS, len(batch.targets)))))
    for index, parameter in enumerate(parameters):
        parameter.grad = torch.stack([gradients[index] for _, gradients in done]).sum(0)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step(learning_rate)
    return sum(loss for loss, _ in done)


def _save_checkpoint(
    folder: Path, config: ScratchConfig, step: int, clock: _Clock, model: LlamaForCausalLM, optimizer: Both
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".checkpoint.tmp"
    state = {
        "config": asdict(config),
        "step": step,
        "seconds": clock.read(),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, temporary)
    temporary.replace(folder / "checkpoint.pt")


def _resume(folder: Path, config: ScratchConfig, model: LlamaForCausalLM, optimizer: Both) -> tuple[int, float, float]:
    """Step, seconds and core seconds of the folder's checkpoint, loaded; zeros where there is none to go on from."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0, 0.0, 0.0
    state = torch.load(path, weights_only=True)  # weights_only: tensors and plain values, nothing is unpickled
    if not _is_part_of(state, config):
        return 0, 0.0, 0.0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    seconds, core_seconds = state["seconds"]
    return int(state["step"]), float(seconds), float(core_seconds)


def _is_part_of(state: dict[str, Any], config: ScratchConfig) -> bool:
    """Would a run of ``config`` have come by this checkpoint? Threads and how often it saves are free."""
    theirs = ScratchConfig(**state["config"])
    if theirs.steps != config.steps and state["step"] > (1 - _DESCENT) * min(theirs.steps, config.steps):
        return False
    return replace(theirs, steps=config.steps, threads=config.threads, save_every=config.save_every) == config


def _save_model(
    folder: Path, config: ScratchConfig, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    temporary = folder / ".model.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    about = {"layout": "prefix", "trained_on": "pseudo reports, split train", "scratch": asdict(config)}
    (temporary / "journalclip.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    final = folder / "model"
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
