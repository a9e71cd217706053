"""Phase 1 of SeLIP beside the templates: reports that an endpoint says in other words, kept in a folder of training.

They are asked for once. The texts are written before the counts, so counts that are there say that the texts are whole;
a call that was stopped asks again, and the client's own cache answers what was paid for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from journalclip_shared.atomic import write_atomically
from journalclip_structuring.benching import read_reports, write_reports
from journalclip_structuring.pseudo.corpus import PseudoReport, pseudo_reports
from journalclip_structuring.pseudo.paraphrase import Ask, paraphrased

_SEED: Final = 7  # neither training's own (0) nor the evaluation's (1), so that each text has a study of its own


@dataclass(frozen=True)
class PhaseOne:
    """What came of asking: how many reports, how many read back alike, and why the others were dropped."""

    asked: int
    kept: int
    dropped: dict[str, int]

    @property
    def share(self) -> float:
        """Of the reports asked for, those that are trained on."""
        return self.kept / self.asked if self.asked else 0.0


def phase_one(folder: Path, count: int, ask: Callable[[], Ask]) -> tuple[list[PseudoReport], PhaseOne]:
    """``count`` template reports in other words, from the folder where they lie there already.

    ``ask`` makes the endpoint where it is needed. Raises what `check_world` raises: nothing is written then.
    """
    texts, counts = folder / "phase-one.jsonl", folder / "phase-one.json"
    if counts.is_file():
        done = PhaseOne(**json.loads(counts.read_text("utf-8")))
        if done.asked == count:
            return read_reports(texts), done
    found = paraphrased(list(pseudo_reports(_SEED, count)), ask())
    folder.mkdir(parents=True, exist_ok=True)
    counts.unlink(missing_ok=True)
    write_reports(texts, found.kept)
    done = PhaseOne(count, len(found.kept), found.dropped)
    write_atomically(counts, json.dumps(asdict(done)).encode())
    return list(found.kept), done
