from __future__ import annotations

from journalclip_devtools.benches.scaling import measure
from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions


def test_both_passes_read_every_file_and_say_what_they_cost() -> None:
    told: list[tuple[int, int]] = []
    files = [Journal().paragraph(50, 80, rows=rows).pdf() for rows in (5, 10, 15)]
    found = measure(files, 2, ExtractOptions(crops=False), lambda *at: told.append(at))
    assert (found.files, found.workers) == (3, 2)
    assert sorted(told)[-1] == (6, 6)
    assert found.alone_cpu_s > 0
    assert found.speedup > 0
    assert found.by_cpu > 0
