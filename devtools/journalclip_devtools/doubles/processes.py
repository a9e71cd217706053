"""Processes for tests of several ranks: forked from a server that has imported torch once, so a start costs little."""

from __future__ import annotations

import multiprocessing as mp
from multiprocessing.context import ForkServerContext

# Whichever test comes first starts the one server, so it must have what any of them needs.
_PRELOAD = [
    "journalclip_devtools.doubles.training_kills", "journalclip_devtools.doubles.study_runs",
    "journalclip_training.losses.sigmoid",
]  # fmt: skip


def forked() -> ForkServerContext:
    """The context; what its processes run must be importable."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context
