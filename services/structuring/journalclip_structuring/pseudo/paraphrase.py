"""Phase 1 in other words: a language model says each template report again, and the rules read it back.

Templates are few, so a model trained on them alone learns their wording. A paraphrase is kept where the record that the
rules read in it is the report's own truth, field by field; every other one is dropped and counted with its reason. The
truth of what is kept is the drawn study, never what the model says. A paraphrase that the rules misread is lost with
the unfaithful ones, so the kept ones are in words that the rules know or can follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from journalclip_shared.ids import sha256_hex
from journalclip_structuring.endpoint.strict import strict_schema
from journalclip_structuring.endpoint.tasks import Task
from journalclip_structuring.handler import check_world
from journalclip_structuring.prompts import quoted, system_of
from journalclip_structuring.pseudo.corpus import PseudoReport
from journalclip_structuring.report_rules import UnsupportedLanguage, read_report
from journalclip_structuring.scoring import score
from journalclip_structuring.structurer import Failure
from journalclip_structuring.study import to_record

Ask = Callable[[Sequence[Task[str]]], Sequence[str | Failure]]

_LONGEST: Final = 4_000  # characters; template reports have a few hundred
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"report": {"type": "string"}},
    "required": ["report"],
    "additionalProperties": False,
}
_RULES: Final = """You are a radiologist who dictates a colleague's head-MRI report again in words of your own, in its
language. Answer with one JSON object, {"report": "..."}, and nothing else. Every fact stays: findings, denials, how
sure each is, side, site, number, size, signal on each sequence, enhancement, and which sequences are normal. Add no
fact, leave none out, and keep the names of sequences and all numbers as they are."""
_STYLES: Final = (
    "Write flowing prose.",
    "Write in telegraphic style, without verbs where they can go.",
    "Write a list with one finding a line.",
    "Write sequence by sequence.",
    "Begin with the conclusion, then give the findings.",
    "Write as a hospital does that uses headings.",
)


@dataclass(frozen=True)
class Paraphrases:
    """What came of asking: the reports kept, and why the others were dropped."""

    kept: tuple[PseudoReport, ...]
    dropped: dict[str, int]


@dataclass(frozen=True)
class ParaphraseTask:
    """One report; the answer is its text in other words."""

    report: PseudoReport
    temperature: float = 0.8
    name: str = "paraphrase"

    @property
    def task_id(self) -> str:
        return self.report.report_id

    @property
    def text(self) -> str:
        return self.report.text

    def messages(self, remark: str) -> list[dict[str, str]]:
        style = _STYLES[int(sha256_hex(self.report.report_id.encode())[:8], 16) % len(_STYLES)]
        return [{"role": "system", "content": system_of(f"{_RULES} {style}", _SCHEMA, remark)}, quoted(self.text)]

    def schema(self) -> dict[str, Any]:
        return strict_schema(_SCHEMA)

    def read(self, answer: dict[str, Any]) -> str:
        """Raises ValueError."""
        said = answer.get("report")
        if set(answer) != {"report"} or not isinstance(said, str) or not 0 < len(said.strip()) <= _LONGEST:
            raise ValueError("the answer is no report")
        return said.strip()


def paraphrased(reports: Sequence[PseudoReport], ask: Ask) -> Paraphrases:
    """Each report in other words, where they say the same. Raises what `check_world` raises."""
    kept, dropped = [], Counter[str]()
    outcomes = ask([ParaphraseTask(each) for each in reports])
    check_world(each for each in outcomes if isinstance(each, Failure))
    for report, outcome in zip(reports, outcomes, strict=True):
        fault = outcome.code if isinstance(outcome, Failure) else fault_of(report, outcome)
        if fault:
            dropped[fault] += 1
        else:
            kept.append(PseudoReport(f"{report.report_id}-said", str(outcome), report.study))
    return Paraphrases(tuple(kept), dict(sorted(dropped.items())))


def fault_of(report: PseudoReport, text: str) -> str:
    """Why the text is no paraphrase of the report; empty where it is one."""
    if " ".join(text.split()).lower() == " ".join(report.text.split()).lower():
        return "unchanged"
    try:
        record = read_report(text)
    except UnsupportedLanguage:
        return "language-unsupported"
    return "" if score(to_record(report.study, text), record).exact else "record-differs"
