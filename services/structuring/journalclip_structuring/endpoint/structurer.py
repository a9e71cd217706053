"""The endpoint as a structurer: captions and reports to records, and captions of compound figures to their panels'."""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_structuring.endpoint.client import EndpointClient
from journalclip_structuring.endpoint.tasks import StructureTask
from journalclip_structuring.prompts import prompt_version
from journalclip_structuring.splitting import SplitTask, split_version
from journalclip_structuring.structurer import Failure, SplitRequest, StructureRequest, StructureResult


class EndpointStructurer(EndpointClient):
    """`Structurer` and `Splitter` over HTTP. One instance may be used by one thread at a time."""

    name = "endpoint"

    @property
    def version(self) -> str:
        return f"2-{self.model_version}-{prompt_version()}{split_version()}"

    def structure(self, texts: Sequence[StructureRequest]) -> list[StructureResult]:
        tasks = [StructureTask(each, f"{self.name}/{self.version}") for each in texts]
        outcomes = self.ask(tasks)
        return [StructureResult(each.request_id, outcome) for each, outcome in zip(texts, outcomes, strict=True)]

    def split(self, captions: Sequence[SplitRequest]) -> list[dict[str, str] | Failure]:
        return self.ask([SplitTask(each) for each in captions])
