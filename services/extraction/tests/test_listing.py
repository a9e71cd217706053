from __future__ import annotations

from pathlib import Path

from journalclip_devtools.doubles.pdfs import Journal
from journalclip_extraction.article import ExtractOptions, ReadDelivery
from journalclip_extraction.delivery import read_delivery
from journalclip_extraction.listing import list_files, write_crops
from journalclip_shared.deliveries import iter_deliveries


class Direct:
    """Reads in this process, as the sandbox does in its own."""

    def read(self, data: bytes, options: ExtractOptions) -> ReadDelivery:
        return read_delivery(data, options)


def article() -> bytes:
    journal = Journal().paragraph(50, 80, rows=10).picture((50, 220, 285, 400))
    return journal.text(50, 415, "Figure 1. Axial CT of the head.").pdf()


def test_every_file_has_one_row_and_one_state(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(article())
    (tmp_path / "b.pdf").write_bytes(b"")
    (tmp_path / "c.pdf").write_bytes(Journal().paragraph(50, 80).pdf())
    paths = [*iter_deliveries([tmp_path]), tmp_path / "absent.pdf"]
    rows = [listed.row for _, listed in list_files(paths, Direct(), ExtractOptions(crops=False))]
    assert [(row["state"], row["code"]) for row in rows] == [
        ("extracted", None),
        ("quarantined", "pdf-empty"),
        ("quarantined", "no-figures"),
        ("quarantined", "file-unreadable"),
    ]


def test_a_row_says_where_the_figure_is(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(article())
    ((_, listed),) = list_files([path], Direct(), ExtractOptions(crops=False))
    figures = listed.row["figures"]
    assert isinstance(figures, list)
    assert figures[0]["bbox"] == [50.0, 220.0, 285.0, 400.0]
    assert figures[0]["number"] == "1"


def test_crops_stay_in_their_folder(tmp_path: Path) -> None:
    path, out = tmp_path / "..  odd name.pdf", tmp_path / "out"
    path.write_bytes(article())
    ((_, listed),) = list_files([path], Direct(), ExtractOptions())
    assert listed.article is not None
    write_crops(out, path, listed.article)
    assert [file.name for file in out.iterdir()] == ["-odd-name-001-1.jpg"]
