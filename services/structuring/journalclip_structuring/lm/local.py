"""The in-process structurer: a causal LM from a folder, decoded under the schema of a `Study`.

It reads reports; captions go to the rules, since the models trained here have learned reports only. The folder's
``journalclip.json`` says how prompts are laid out: ``prefix`` for models trained from scratch, which read a report in
both directions; ``plain`` for the same text read from left to right; ``chat`` for instruction models (with or without a
LoRA adapter). The version digests every file of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from journalclip_structuring.errors import BadSetting
from journalclip_structuring.injection import flags_of
from journalclip_structuring.lm.decode import decode
from journalclip_structuring.lm.folder import folder_digest
from journalclip_structuring.lm.grammar import compile_grammar, spells_in_pieces
from journalclip_structuring.lm.tokens import prompt
from journalclip_structuring.prompts import messages
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.structurer import Failure, StructureRequest, StructureResult
from journalclip_structuring.study import json_schema, load, to_record

Layout = Literal["prefix", "plain", "chat"]
_ANSWER_TOKENS = {"prefix": 400, "plain": 400, "chat": 1200}  # twelve full findings need fewer in any layout


class LocalStructurer:
    """`Structurer` over a model folder."""

    name = "local"

    def __init__(self, folder: Path, batch: int = 32, threads: int | None = None) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self._layout = _layout(folder)
        self._tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder)
        if self._layout == "prefix" and not spells_in_pieces(self._tokenizer):
            raise BadSetting(
                f"the model in {folder} was trained on other vocabularies",
                "Train it again: `journalclip structuring finetune`.",
            )
        self._model: PreTrainedModel = _load_model(folder)
        self._grammar = compile_grammar(self._tokenizer, json_schema(), self._model.config.vocab_size)
        self._batch = batch
        self._rules = RuleStructurer()
        self.version = f"1-{folder_digest(folder)}-{self._rules.version}"

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        reports = [each for each in texts if each.kind == "report"]
        captions = self._rules.structure([each for each in texts if each.kind == "caption"])
        # Similar lengths together: a batch is as slow as its longest text.
        reports.sort(key=lambda each: len(each.text))
        results = {result.request_id: result for result in captions}
        for start in range(0, len(reports), self._batch):
            chunk = reports[start : start + self._batch]
            results |= {result.request_id: result for result in self._reports(chunk)}
        return [results[each.request_id] for each in texts]

    def _reports(self, chunk: Sequence[StructureRequest]) -> list[StructureResult]:
        prompts = [self._prompt(each.text) for each in chunk]
        limit, prefix = _ANSWER_TOKENS[self._layout], self._layout == "prefix"
        answers = decode(self._model, self._tokenizer, self._grammar, prompts, limit, prefix)
        return [self._result(each, answer) for each, answer in zip(chunk, answers, strict=True)]

    def _prompt(self, text: str) -> str:
        if self._layout != "chat":
            return prompt(text)
        return str(self._tokenizer.apply_chat_template(messages(text), tokenize=False, add_generation_prompt=True))

    def _result(self, request: StructureRequest, answer: str | None) -> StructureResult:
        if answer is None:
            return StructureResult(
                request.request_id, Failure("answer-too-long", "the token limit came before the end")
            )
        try:
            study = load(answer)
        except ValueError as error:
            return StructureResult(request.request_id, Failure("answer-invalid", str(error)))
        record = to_record(study, request.text, f"{self.name}/{self.version}")
        return StructureResult(request.request_id, record.model_copy(update={"flags": flags_of(request.text)}))


def _layout(folder: Path) -> Layout:
    about = folder / "journalclip.json"
    if not folder.is_dir():
        raise BadSetting(f"{folder} is not a folder", "Set JOURNALCLIP_LOCAL_MODEL to a model folder.")
    if not about.exists():
        return "chat"
    named = json.loads(about.read_text(encoding="utf-8")).get("layout")
    return next((known for known in get_args(Layout) if known == named), "chat")


def _load_model(folder: Path) -> PreTrainedModel:
    if (folder / "adapter_config.json").exists():
        from peft import AutoPeftModelForCausalLM

        return AutoPeftModelForCausalLM.from_pretrained(folder).merge_and_unload().eval()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
