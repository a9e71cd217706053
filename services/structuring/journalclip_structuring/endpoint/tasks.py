"""What can be asked of an endpoint: a task has its words, the schema of its answer, and how the answer is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from journalclip_structuring.caption_answer import caption_record
from journalclip_structuring.endpoint.strict import strict_schema, without_nulls
from journalclip_structuring.injection import flags_of
from journalclip_structuring.prompts import answer_schema, messages
from journalclip_structuring.structurer import Kind, Record, StructureRequest
from journalclip_structuring.study import load, to_record

T_co = TypeVar("T_co", covariant=True)


class Task(Protocol[T_co]):
    """One question. ``text`` is what it is about; ``temperature`` is 0 where one answer is right."""

    @property
    def task_id(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def temperature(self) -> float: ...

    def messages(self, remark: str) -> list[dict[str, str]]:
        """The chat so far; ``remark`` says what was wrong with an earlier answer."""
        ...

    def schema(self) -> dict[str, Any]:
        """Of the answer, clean for strict decoders."""
        ...

    def read(self, answer: dict[str, Any]) -> T_co:
        """Raises ValueError for an answer that breaks the schema or the text."""
        ...


@dataclass(frozen=True)
class StructureTask:
    """A caption or report to its record; ``by`` is who will have written it."""

    request: StructureRequest
    by: str
    temperature: float = 0.0

    @property
    def task_id(self) -> str:
        return self.request.request_id

    @property
    def text(self) -> str:
        return self.request.text

    @property
    def name(self) -> str:
        return self.request.kind

    def messages(self, remark: str) -> list[dict[str, str]]:
        return messages(self.request.text, self.request.kind, examples=True, remark=remark)

    def schema(self) -> dict[str, Any]:
        return _schema(self.request.kind)

    def read(self, answer: dict[str, Any]) -> Record:
        record: Record
        if self.request.kind == "report":
            record = to_record(load(json.dumps(without_nulls(answer))), self.text, self.by)
        else:
            record = caption_record(answer, self.request, self.by)
        return record.model_copy(update={"flags": (*flags_of(self.text), *record.flags)})


@cache
def _schema(kind: Kind) -> dict[str, Any]:
    return strict_schema(answer_schema(kind))
