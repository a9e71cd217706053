"""Training a small causal LM from nothing on pseudo reports: own tokenizer, own weights, no download.

Every report is drawn once and never seen again (there is no epoch to overfit), the loss is on the answer's tokens only,
and everything follows from the seed. A checkpoint is written whole or not at all; a run that finds one of the same
configuration goes on from it and ends with the same sequence of batches. The result is a folder that
`transformers.AutoModelForCausalLM` and `AutoTokenizer` load offline.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from journalclip_structuring.lm.tokens import END, prompt, train_tokenizer
from journalclip_structuring.pseudo.corpus import pseudo_reports
from journalclip_structuring.pseudo.noise import blur
from journalclip_structuring.study import dump

_IGNORE = -100  # cross_entropy's own mark for "no target here"
_TOKENIZER_TEXTS = 5_000  # every word of the templates comes up in far fewer
_POOL = 16  # batches drawn at once and sorted by length, so that little of a batch is padding
_FIRST_LESSON, _SECOND_LESSON = 0.3, 0.5  # shares of the steps after which reports grow longer
_EVAL_SEED = 1  # reports for evaluation come from this seed, training from any other


@dataclass(frozen=True)
class ScratchConfig:
    """Sizes fit two CPU cores and half an hour."""

    seed: int = 0
    steps: int = 1_200
    batch: int = 32
    learning_rate: float = 4e-3
    warmup: int = 60
    weight_decay: float = 0.05
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    intermediate: int = 352
    threads: int = 2
    save_every: int = 250
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if self.seed == _EVAL_SEED:
            raise ValueError(f"seed {_EVAL_SEED} is kept for evaluation")


@dataclass(frozen=True)
class Progress:
    """Where training stands."""

    step: int
    steps: int
    loss: float
    seconds: float


def train_from_scratch(
    folder: Path, config: ScratchConfig, report: Callable[[Progress], None] = lambda _: None
) -> None:
    """Train into ``folder``, or go on from the checkpoint that lies there."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = train_tokenizer(each.text for each in pseudo_reports(config.seed, _TOKENIZER_TEXTS))
    model = LlamaForCausalLM(_architecture(config, tokenizer))
    optimizer = _Both(model, config)
    step = _resume(folder, config, model, optimizer)
    started = time.monotonic()
    recent: list[float] = []
    for tokens_BT, targets_BT in islice(batches(tokenizer, config), step, config.steps):
        recent.append(_update(model, optimizer, tokens_BT, targets_BT, config, step))
        step += 1
        if step % 25 == 0 or step == config.steps:
            report(Progress(step, config.steps, sum(recent) / len(recent), time.monotonic() - started))
            recent.clear()
        if step % config.save_every == 0:
            _save_checkpoint(folder, config, step, model, optimizer)
    _save_model(folder, config, model, tokenizer)


def batches(tokenizer: PreTrainedTokenizerFast, config: ScratchConfig) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Token and target ids (batch, time), endless, the same for the same seed."""
    lessons = {most: pseudo_reports(config.seed, 1 << 40, most=most) for most in (1, 2, 3)}
    for drawn in count(0, _POOL):
        pool = []
        for each in islice(lessons[lesson(drawn / config.steps)], config.batch * _POOL):
            noisy = blur(each.text, Random(each.report_id))  # noqa: S311 - seeded on purpose
            ask = tokenizer(prompt(noisy)).input_ids
            pool.append((ask, tokenizer(dump(each.study) + END).input_ids))
        pool.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
        chunks = [pool[start : start + config.batch] for start in range(0, len(pool), config.batch)]
        # Interleaved, so that short and long batches alternate the same way in every pool.
        for index in range(len(chunks)):
            yield _collate(chunks[(index * 7) % len(chunks)], tokenizer.pad_token_id)


def lesson(done: float) -> int:
    """Findings a report may have: one at first, so that reading is learned before telling findings apart."""
    return 1 if done < _FIRST_LESSON else 2 if done < _SECOND_LESSON else 3


def schedule(step: int, config: ScratchConfig) -> float:
    """Linear warm-up, then cosine to a hundredth."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _architecture(config: ScratchConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # On CPU the fused attention's backward pass costs more than plain matrix products at these lengths (measured).
        attn_implementation="eager",
    )


class _Both:
    """Muon for the layers' matrices, AdamW for embeddings and norms, stepped and saved as one.

    Muon learns this task in well under half of AdamW's steps at a tenth more work a step.
    """

    def __init__(self, model: LlamaForCausalLM, config: ScratchConfig) -> None:
        matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "layers" in name]
        chosen = {id(p) for p in matrices}
        others = [p for p in model.parameters() if id(p) not in chosen]
        self.muon = torch.optim.Muon(
            matrices, lr=config.learning_rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.AdamW(others, lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, learning_rate: float) -> None:
        optimizers: tuple[torch.optim.Optimizer, ...] = (self.muon, self.adam)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def _update(
    model: LlamaForCausalLM,
    optimizer: _Both,
    tokens_BT: torch.Tensor,
    targets_BT: torch.Tensor,
    config: ScratchConfig,
    step: int,
) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        hidden_BTC = model.model(input_ids=tokens_BT, use_cache=False).last_hidden_state
        asked = targets_BT != _IGNORE
        logits_NV = model.lm_head(hidden_BTC[asked])
    loss = functional.cross_entropy(logits_NV.float(), targets_BT[asked])
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step(config.learning_rate * schedule(step, config))
    return float(loss.detach())


def _collate(pairs: list[tuple[list[int], list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(len(ask) + len(answer) for ask, answer in pairs) - 1
    tokens_BT = torch.full((len(pairs), longest), pad)
    targets_BT = torch.full((len(pairs), longest), _IGNORE)
    for row, (ask, answer) in enumerate(pairs):
        both = torch.tensor(ask + answer)
        tokens_BT[row, : len(both) - 1] = both[:-1]
        targets_BT[row, len(ask) - 1 : len(both) - 1] = both[len(ask) :]
    return tokens_BT, targets_BT


def _save_checkpoint(folder: Path, config: ScratchConfig, step: int, model: LlamaForCausalLM, optimizer: _Both) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".checkpoint.tmp"
    state = {"config": asdict(config), "step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, temporary)
    temporary.replace(folder / "checkpoint.pt")


def _resume(folder: Path, config: ScratchConfig, model: LlamaForCausalLM, optimizer: _Both) -> int:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)  # weights_only: tensors and plain values, nothing is unpickled
    if state["config"] != asdict(config):
        return 0
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save_model(
    folder: Path, config: ScratchConfig, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    temporary = folder / ".model.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    about = {"layout": "plain", "trained_on": "pseudo reports, split train", "scratch": asdict(config)}
    (temporary / "journalclip.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    final = folder / "model"
    shutil.rmtree(final, ignore_errors=True)
    temporary.replace(final)
