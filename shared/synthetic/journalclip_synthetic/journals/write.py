"""A folder of synthetic articles with their answers beside them."""

from __future__ import annotations

import json
from pathlib import Path

from journalclip_shared.errors import PermanentError
from journalclip_synthetic.journals.article import write_article
from journalclip_synthetic.journals.truth import ArticleTruth


def write_journals(folder: Path, articles: int, seed: int) -> list[ArticleTruth]:
    """Write ``articles`` PDFs and ``gold.json`` into ``folder``; the same seed gives the same bytes.

    Article number i is the same whatever ``articles`` is, so a larger folder contains a smaller one. Raises
    `PermanentError` ``folder-not-empty`` when the folder holds PDFs that are not of this call.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"synthetic-{seed}-{i:05d}.pdf" for i in range(articles)]
    foreign = sorted(p.name for p in folder.glob("*.pdf") if p.name not in set(names))
    if foreign:
        raise PermanentError(
            "folder-not-empty", f"{folder} holds other PDFs, first {foreign[0]}", "Name a new or empty folder."
        )
    truths = [write_article(folder / name, i, seed) for i, name in enumerate(names)]
    gold = {truth.name: truth.gold() for truth in truths}
    (folder / "gold.json").write_text(json.dumps(gold, indent=1, ensure_ascii=False), encoding="utf-8")
    return truths
