"""The bench of structurers: one file of texts with their truth, any number of structurers, one table.

Two kinds of file: JSON lines of reports (``{"id", "text", "study"}``, as `write_reports` makes them), and hand labels
of captions as facts (article, figure, fields), whose texts come from a corpus folder's ``gold.json``. ``json_valid``
and ``schema_valid`` are shares of all texts: a text without a record is invalid by the code of its failure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic import ValidationError

from journalclip_shared.errors import PermanentError
from journalclip_shared.records.caption import CaptionRecord
from journalclip_structuring.pseudo.corpus import PseudoReport
from journalclip_structuring.scoring import score, summarise
from journalclip_structuring.structurer import Record, Structurer, StructureRequest, StructureResult, signature
from journalclip_structuring.study import dump, load, to_record

# Failures in which there was a JSON object, but not of the schema; after all others there was no JSON at all.
_JSON_CODES = frozenset({"answer-wrong-schema", "answer-duplicate-key"})


class BadBenchFile(PermanentError):
    """The file is not one of the two kinds."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            "bench-file-invalid",
            f"{path}: {reason}",
            "Make one with `journalclip structuring pseudo`, or see the docs.",
        )


@dataclass(frozen=True)
class Case:
    """A text and its truth."""

    request: StructureRequest
    truth: Record


def write_reports(path: Path, reports: Sequence[PseudoReport]) -> None:
    lines = (
        json.dumps({"id": each.report_id, "text": each.text, "study": json.loads(dump(each.study))}) for each in reports
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_reports(path: Path) -> list[PseudoReport]:
    """What `write_reports` wrote. Raises `BadBenchFile`."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [PseudoReport(line["id"], line["text"], load(json.dumps(line["study"]))) for line in lines]
    except FileNotFoundError as error:
        raise BadBenchFile(path, "it does not exist") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadBenchFile(path, f"{type(error).__name__}: {error}") from error


def read_cases(path: Path, corpus: Path | None = None) -> list[Case]:
    """Raises `BadBenchFile`."""
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            return [_report_case(json.loads(line)) for line in content.splitlines()]
        return _caption_cases(json.loads(content), _captions(corpus))
    except FileNotFoundError as error:
        raise BadBenchFile(path, f"{error.filename} does not exist") from error
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadBenchFile(path, f"{type(error).__name__}: {error}") from error


def run_bench(cases: Sequence[Case], structurer: Structurer) -> dict[str, Any]:
    """One structurer's figures; seconds include everything from text to validated record."""
    if not cases:
        raise PermanentError("bench-file-empty", "no texts to structure", "Give a file that has some.")
    started = perf_counter()
    results = structurer.structure([case.request for case in cases])
    seconds = perf_counter() - started
    summary = summarise([score(case.truth, result.record) for case, result in zip(cases, results, strict=True)])
    return {
        "structurer": signature(structurer),
        "json_valid": _share(results, json_is_enough=True),
        "schema_valid": _share(results, json_is_enough=False),
        **asdict(summary),
        "records_per_s": len(results) / seconds,
        "failures": dict(Counter(result.failure.code for result in results if result.failure)),
    }


def _share(results: Sequence[StructureResult], json_is_enough: bool) -> float:
    valid = [result.failure is None or (json_is_enough and result.failure.code in _JSON_CODES) for result in results]
    return sum(valid) / len(results)


def _report_case(line: dict[str, Any]) -> Case:
    text = str(line["text"])
    return Case(StructureRequest(str(line["id"]), text, "report"), to_record(load(json.dumps(line["study"])), text))


def _captions(corpus: Path | None) -> dict[tuple[str, str], str]:
    if corpus is None:
        raise ValueError("caption labels hold no text: name the corpus folder they were made on")
    gold = json.loads((corpus / "gold.json").read_text(encoding="utf-8"))
    # The first figure of a number is meant, where an article numbers two alike.
    return {
        (article, figure["number"]): " ".join(figure["caption"].split())
        for article, content in gold.items()
        for figure in reversed(content["figures"])
    }


def _caption_cases(labels: dict[str, Any], captions: dict[tuple[str, str], str]) -> list[Case]:
    return [
        Case(
            StructureRequest(f"{label['article']}#{label['figure']}", captions[label["article"], label["figure"]]),
            _caption_truth(label["fields"]),
        )
        for label in labels["captions"]
    ]


def _caption_truth(fields: dict[str, Any]) -> CaptionRecord:
    coded = {name: [{"term": term} for term in terms] for name, terms in fields.items() if name != "findings"}
    return CaptionRecord.model_validate({**coded, "findings": fields.get("findings", [])})
