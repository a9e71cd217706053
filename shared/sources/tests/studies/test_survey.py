"""Studies are told apart by what their files say, reports find their study, and every file is counted."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import dcmread

from journalclip_sources.studies.case_names import bids_of, cases_of
from journalclip_sources.studies.encoding import decode_text
from journalclip_sources.studies.errors import StudyRefused
from journalclip_sources.studies.heads import FileFacts, SurveyOptions, survey_files
from journalclip_sources.studies.survey import Archive, survey
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import dicom_files


class Heads:
    """The survey without its child."""

    def read(self, data: bytes, options: SurveyOptions) -> tuple[FileFacts, ...]:
        return survey_files(data, options)


def look(path: Path, **columns: str) -> Archive:
    return survey(path, Heads(), SurveyOptions(columns))


def study_files(number: int, accession: str = "") -> dict[str, bytes]:
    found = {}
    for name, data in dicom_files(draw_study(draw_truth(number, 4, ("T2WI",)), 16, 6)).items():
        dataset = dcmread(io.BytesIO(data))
        dataset.StudyInstanceUID = f"2.25.{number}"
        dataset.AccessionNumber = accession
        out = io.BytesIO()
        dataset.save_as(out)
        found[name.replace("/", "-")] = out.getvalue()
    return found


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def nifti(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)), path)


def test_one_flat_folder_of_two_studies_is_two(tmp_path: Path) -> None:
    write(tmp_path, {f"a{name}": data for name, data in study_files(1).items()})
    write(tmp_path, {f"b{n}": data for n, data in enumerate(study_files(2).values())})
    found = look(tmp_path)
    assert sorted(len(each.entries) for each in found.bundles) == [6, 6]
    assert found.files == 12


def test_a_damaged_file_beside_one_study_takes_no_report_from_it(tmp_path: Path) -> None:
    files = study_files(1)
    write(tmp_path / "case" / "series", files)
    write(tmp_path / "case", {"cut.dcm": next(iter(files.values()))[:300], "report.txt": b"FLAIR: no abnormality."})
    write(tmp_path / "other", study_files(2))
    found = look(tmp_path)
    assert sorted(len(each.entries) for each in found.bundles) == [6, 8]
    assert not found.left_out


@pytest.mark.parametrize("packed", ["zip", "tar", "tar.gz"])
def test_an_archive_of_two_studies_is_two(tmp_path: Path, packed: str) -> None:
    files = {f"{n}/{name}": data for n in (1, 2) for name, data in study_files(n).items()}
    path = tmp_path / f"all.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as out:
            for name, data in files.items():
                out.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if packed.endswith("gz") else "w") as tar:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = look(path)
    assert [len(each.entries) for each in found.bundles] == [6, 6]
    assert all(each.packed() for each in found.bundles)


def test_reports_find_their_study_by_folder_by_number_and_by_row(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path / f"p{number}", study_files(number, f"AN{number}77"))
    (tmp_path / "p1" / "report.txt").write_text("T1: infarct.", "utf-8")
    (tmp_path / "AN277.txt").write_text("T1: cyst.", "utf-8")
    rows = "order;wording\nAN377;T1: abscess.\nAN377;T1: later abscess.\nAN999;T1: of nobody.\n"
    (tmp_path / "ris.csv").write_text(rows, "utf-8")
    found = look(tmp_path, accession="order", report="wording")
    hints = {each.hints.report_file or each.hints.report for each in found.bundles}
    assert hints == {"p1/report.txt", "AN277.txt", "T1: later abscess."}
    assert found.reports_left_out["report-unassigned", "a report that names no study of the archive"] == 1
    assert counted(found) == found.files
    superseded = sum(each.left_out["report-superseded", "an older report of the same study"] for each in found.bundles)
    assert superseded == 1


def counted(found: Archive) -> int:
    """Files by where each of them ended."""
    return sum(each.files for each in found.bundles) + sum(found.left_out.values())


def test_a_file_that_several_studies_read_and_one_that_none_reads_count_once(tmp_path: Path) -> None:
    for name in ("sub-1/anat/sub-1_T1w", "sub-2/anat/sub-2_T1w"):
        nifti(tmp_path / f"{name}.nii.gz")
    (tmp_path / "T1w.json").write_text('{"EchoTime": 0.003}', "utf-8")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-1\t40\n", "utf-8")
    write(tmp_path / "dicom", study_files(3, "AN3"))
    (tmp_path / "dicom" / "settings.json").write_text('{"a": 1}', "utf-8")
    (tmp_path / "dicom" / "report.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "export.json").write_text('{"reports": [{"accession": "AN3", "report": "T1: cyst."}]}', "utf-8")
    found = look(tmp_path)
    assert sum(len(each.entries) for each in found.bundles) == 10, "both subjects read the inherited sidecar"
    assert counted(found) == found.files == 13
    assert {each.hints.report for each in found.bundles} == {"", "T1: cyst."}
    assert sum(found.left_out.values()) == 2


@pytest.mark.parametrize(
    ("older", "latest"),
    [
        ("report_v9.txt", "report_v10.txt"),
        ("priors/2015.txt", "report.txt"),
        ("report_20180102.txt", "report_20180203.txt"),
    ],
)
def test_the_latest_report_of_a_study_holds(tmp_path: Path, older: str, latest: str) -> None:
    write(tmp_path / "p1" / "images", study_files(1))
    for name in (older, latest):
        (tmp_path / "p1" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "p1" / name).write_text("T1: infarct.", "utf-8")
    (bundle,) = look(tmp_path).bundles
    assert bundle.hints.report_file == f"p1/{latest}"
    assert bundle.files == 8


def test_rows_are_ordered_by_dates_of_either_order_and_numbers_find_cut_zeros(tmp_path: Path) -> None:
    write(tmp_path / "p1", study_files(1, "0077"))
    rows = "accession,report,date\n77,T1: old.,12/31/2019\n77,T1: new.,01/02/2020\n77,T1: older.,02/01/2019\n"
    (tmp_path / "ris.csv").write_text(rows, "utf-8")
    (bundle,) = look(tmp_path).bundles
    assert bundle.hints.report == "T1: new."


def test_nifti_cases_and_bids_subjects(tmp_path: Path) -> None:
    for name in ("sub-hospital01/anat/sub-hospital01_T1w", "sub-hospital02/anat/sub-hospital02_T1w"):
        nifti(tmp_path / f"{name}.nii.gz")
    nifti(tmp_path / "derivatives/x/sub-hospital01/anat/sub-hospital01_T1w.nii.gz")
    found = look(tmp_path)
    assert len(found.bundles) == 2
    assert len({each.hints.subject for each in found.bundles}) == 2
    assert found.left_out["file-derived", "derivatives and source data of a BIDS data set"] == 1


@pytest.mark.parametrize(
    ("names", "cases"),
    [
        (["T1.nii.gz", "T2.nii.gz", "FLAIR.nii.gz"], 1),
        (["case1_T1.nii.gz", "case1_T2.nii.gz", "case2_T1.nii.gz"], 2),
        (["anna_T1.nii.gz", "anna_T2.nii.gz", "bela_T1.nii.gz", "bela_T2.nii.gz"], 2),
        (["head_AX_T1.nii.gz", "brain_SAG_T2.nii.gz"], 1),
        (["x_t1_mprage_20200102101112_3.nii.gz", "x_t2_20200102101112_5.nii.gz"], 1),
    ],
)
def test_cases_by_the_words_of_names(names: list[str], cases: int) -> None:
    assert len(set(cases_of(names).values())) == cases


def test_a_bids_label_is_taken_whole() -> None:
    found = bids_of("data/sub-verylonglabel/ses-2/anat/sub-verylonglabel_ses-2_T1w.nii.gz")
    assert found is not None
    assert (found.root, found.subject, found.session) == ("data", "verylonglabel", "2")


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("T1: 左侧额叶梗死，未见出血。", "gb18030"), ("T1: 左侧额叶梗死。", "utf-16"),
        ("Œdème frontal “net” – 5 mm.", "cp1252"),
        ("Läsion größer als 5 mm.", "cp1252"), ("Läsion", "utf-8"), ("T1: infarct.", "utf-16-le"),
    ],
)  # fmt: skip
def test_character_sets_that_are_told_for_certain(text: str, charset: str) -> None:
    assert decode_text(text.encode(charset)) == text


@pytest.mark.parametrize(
    ("text", "charset"), [("Головной мозг без очагов.", "cp1251"), ("Zmiana łagodna, żółta, świeża", "cp1250")]
)
def test_other_character_sets_are_refused_and_never_garbage(text: str, charset: str) -> None:
    with pytest.raises(StudyRefused, match="report-unreadable"):
        decode_text(text.encode(charset))


def test_a_missing_path_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyRefused, match="path-missing"):
        look(tmp_path / "none")
    with pytest.raises(StudyRefused, match="study-empty"):
        look(tmp_path)
