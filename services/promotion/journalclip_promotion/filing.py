"""Report and card of each decision, attached to the model's tracking run, once and after the decision stands.

A tracker whose file store is away delays this and nothing else: what could not be attached is tried again with the next
decision and by the reconciler.
"""

from __future__ import annotations

import logging

from journalclip_promotion.decision import Decision
from journalclip_promotion.promoter import Promoter
from journalclip_shared.errors import TransientError
from journalclip_shared.runs import NullRuns, Runs

_log = logging.getLogger(__name__)


def file_documents(promoter: Promoter, runs: Runs) -> list[int]:
    """Attach what is not attached yet; the numbers of the decisions whose documents were.

    Without a tracker nothing is done, and nothing is noted as done: it is left to whoever has one.
    """
    attached: list[int] = []
    if isinstance(runs, NullRuns):
        return attached
    for sequence in promoter.ledger.unfiled():
        entry = promoter.ledger.get(sequence)
        if entry is not None and entry.report is not None:
            try:
                _attach(promoter, runs, entry)
            except TransientError as error:
                _log.warning("the documents of decision %d wait: %s", sequence, error)
                return attached
            attached.append(sequence)
        promoter.ledger.set_filed(sequence)
    return attached


def _attach(promoter: Promoter, runs: Runs, entry: Decision) -> None:
    store = promoter.ledger.store
    registered = promoter.find(entry.candidate.version)
    folder = f"promotion/{entry.sequence:04d}"
    files = {f"{folder}/decision.json": entry.canonical()}
    files |= {
        f"{folder}/{name}": store.get(ref)
        for name, ref in (("report.html", entry.report), ("model-card.md", entry.card))
        if ref is not None
    }
    runs.attach(registered.run_id if registered else "", entry.candidate.model_id, files)
    promoter.step("attached")
