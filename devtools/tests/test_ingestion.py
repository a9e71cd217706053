"""The arithmetic of `bench ingestion`: stages add up to the total, overhead is what is left without handlers' work."""

from __future__ import annotations

import pytest

from journalclip_devtools.benches.ingestion import Passage, latency


def test_stages_add_up_and_overhead_is_the_rest() -> None:
    passages = [Passage(f"{n}.pdf", announce=0.1, extract=1.0 + n, structure=0.2, search=0.7, compute=1.5 + n)
                for n in range(20)]  # fmt: skip
    found = latency(passages)
    assert found.articles == 20
    assert found.total_p50_s == pytest.approx(2.0 + 9.5)
    assert found.total_p95_s == pytest.approx(2.0 + 19)
    assert found.overhead_p50_s == found.overhead_p95_s == pytest.approx(0.5)
    assert found.stages_p95_s["extract"] == pytest.approx(20.0)
    assert found.passages[3] == {
        "name": "3.pdf", "announce": 0.1, "extract": 4.0, "structure": 0.2, "search": 0.7, "compute": 4.5,
        "overhead": 0.5,
    }  # fmt: skip
