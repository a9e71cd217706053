"""The JSON Schemas of the structured records, as published under docs/schemas.

``python -m journalclip_shared.records.schemas docs/schemas`` writes them; a test fails when the files and the models
have drifted apart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from journalclip_shared.records import Document
from journalclip_shared.records.caption import SCHEMA_VERSION, CaptionRecord
from journalclip_shared.records.report import ReportRecord

_PUBLISHED: dict[str, type[Document]] = {"caption-record": CaptionRecord, "report-record": ReportRecord}


def published() -> dict[str, str]:
    """File name to content."""
    return {
        f"{name}.v{SCHEMA_VERSION}.json": json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False) + "\n"
        for name, model in _PUBLISHED.items()
    }


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in published().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
