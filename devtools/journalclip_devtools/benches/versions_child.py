"""Reads articles with the extractor of one checkout: ``python -I versions_child.py CHECKOUT``, a file a line on stdin.

Answers one JSON line a file: its pages, and the CPU seconds that each way of reading took. Run as a program, and free
of imports of this package, so that an older checkout's own modules are used throughout.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

WAYS = {
    "read": {"crops": False, "panels": False},
    "crops": {"crops": True, "panels": False},
    "panels": {"crops": True, "panels": True},
}


def members(checkout: Path) -> list[str]:
    """Folders of the checkout's packages, wherever that commit keeps them."""
    found = (
        each.parent.parent for depth in ("*", "*/*") for each in checkout.glob(f"{depth}/journalclip_*/__init__.py")
    )
    return [str(folder) for folder in dict.fromkeys(found) if folder.name != "tests"]


def warm() -> None:
    """What a service does once before it reads, where this version has it."""
    for name in ("journalclip_extraction.quality.pictures", "journalclip_extraction.panels"):
        try:
            prepare = getattr(importlib.import_module(name), "prepare", None)
        except ImportError:
            continue
        if prepare is not None:
            prepare()


def main() -> None:
    checkout = Path(sys.argv[1]).resolve()
    sys.path[:0] = members(checkout)
    extractor: Any = importlib.import_module("journalclip_extraction.extractor")
    options: Any = importlib.import_module("journalclip_extraction.article").ExtractOptions
    if checkout not in Path(extractor.__file__).resolve().parents:
        raise SystemExit(f"{extractor.__file__} is not in {checkout}")
    warm()
    for line in sys.stdin:
        data = Path(line.strip()).read_bytes()
        spent: dict[str, float] = {}
        for way, chosen in WAYS.items():
            start = time.process_time()
            article = extractor.read_article(data, options(**chosen))
            spent[way] = time.process_time() - start
        print(json.dumps({"pages": article.pages, "cpu_s": spent}), flush=True)


if __name__ == "__main__":
    main()
