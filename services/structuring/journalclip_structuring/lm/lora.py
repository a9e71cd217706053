"""Supervised tuning of a real checkpoint: LoRA (PEFT) under TRL's trainer, on (pseudo report -> JSON).

The base stays as it is; what is saved is a small adapter folder that names its base. Training goes on from the last
checkpoint in the folder. A model with a chat template is prompted as the endpoint would be; one without reads the plain
layout that models trained from scratch read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journalclip_structuring.benching import read_reports
from journalclip_structuring.lm.tokens import END, prompt
from journalclip_structuring.prompts import messages
from journalclip_structuring.pseudo.corpus import pseudo_reports
from journalclip_structuring.study import dump

if TYPE_CHECKING:
    from trl.trainer.sft_trainer import SFTTrainer


@dataclass(frozen=True)
class LoraSettings:
    """A start for models of a few hundred million to a few billion weights."""

    seed: int = 0
    reports: int = 8_000
    epochs: float = 1.0
    batch: int = 8
    accumulate: int = 4
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    save_steps: int = 100
    max_steps: int = -1
    max_length: int = 4096
    more: str = ""  # file of further reports, such as paraphrases


def tune(base: Path, folder: Path, settings: LoraSettings) -> Path:
    """Train an adapter for ``base`` into ``folder``/model, or go on where an earlier call was stopped."""
    from transformers.trainer_utils import get_last_checkpoint

    checkpoints = folder / "checkpoints"
    trainer = new_trainer(base, checkpoints, settings)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None)
    return save_adapter(trainer, base, folder / "model", settings)


def new_trainer(base: Path, checkpoints: Path, settings: LoraSettings, workers: int = 1) -> SFTTrainer:
    """A trainer of one of ``workers`` processes; together they see the batches that one would.

    Raises ValueError where the accumulated micro-batches do not divide among them.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    if settings.accumulate % workers:
        raise ValueError(f"{settings.accumulate} accumulated batches do not divide among {workers} workers")
    tokenizer = AutoTokenizer.from_pretrained(base)
    chat = tokenizer.chat_template is not None
    reports = [
        *pseudo_reports(settings.seed, settings.reports),
        *(read_reports(Path(settings.more)) if settings.more else ()),
    ]
    rows = [_row(report.text, dump(report.study), chat) for report in reports]
    arguments = SFTConfig(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps,
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulate // workers,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        save_steps=settings.save_steps,
        save_total_limit=2,
        max_length=settings.max_length,
        completion_only_loss=True,
        seed=settings.seed,
        report_to=[],
        bf16=_gpu(),  # TRL turns it on by default, which a CPU answers with an error or a crawl
        use_cpu=not _gpu(),
        gradient_checkpointing=_gpu(),
    )
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora,
    )


def save_adapter(trainer: SFTTrainer, base: Path, final: Path, settings: LoraSettings) -> Path:
    """The adapter, its tokenizer and how it is prompted, as a folder that `LocalStructurer` serves."""
    tokenizer = trainer.processing_class
    trainer.save_model(str(final))
    tokenizer.save_pretrained(final)
    layout = "plain" if tokenizer.chat_template is None else "chat"
    about = {"layout": layout, "base": str(base), "lora": asdict(settings)}
    (final / "journalclip.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    return final


def _row(text: str, answer: str, chat: bool) -> dict[str, Any]:
    if not chat:
        return {"prompt": prompt(text), "completion": answer + END}
    return {"prompt": messages(text), "completion": [{"role": "assistant", "content": answer}]}


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()
