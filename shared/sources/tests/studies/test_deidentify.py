"""Nothing personal survives: headers, names of files, reports, dates, pictures, refusals and what is logged of them."""

from __future__ import annotations

import gzip
import io
import logging
import os
import re
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.datadict import keyword_dict
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from journalclip_devtools.benches.burned_in import try_series
from journalclip_intake.studies import Submission, read_key, store_study, submit_study
from journalclip_shared.events import Event, SourceQuarantined, encode
from journalclip_shared.sealed import local_texts
from journalclip_shared.testing.memory import MemoryArtifacts
from journalclip_shared.withdrawals import Withdrawals
from journalclip_sources.studies.deidentify.face import find_head, picture, remove_face
from journalclip_sources.studies.deidentify.profile import HeaderCensus, table
from journalclip_sources.studies.deidentify.pseudonym import day_shift, patient_pseudonym, shifted
from journalclip_sources.studies.deidentify.text import scrub
from journalclip_sources.studies.dicom.decode import parse
from journalclip_sources.studies.files import SourceFile, pack
from journalclip_sources.studies.heads import FileFacts, SurveyOptions, survey_files
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.read import ReadStudy, read_study
from journalclip_sources.studies.survey import Bundle, survey
from journalclip_sources.studies.volume import Volume
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files
from journalclip_synthetic.studies.head import face
from journalclip_synthetic.studies.identifiers import Planted, planted

OPTIONS = DeidentifyOptions(key=b"k" * 32)
WITH_FACES = DeidentifyOptions(key=OPTIONS.key, face=False)  # where words alone are tested: a face takes a second
HEADERS, A_STUDY = int(os.environ.get("JOURNALCLIP_TEST_HEADERS", "100")), 5  # `make headers`: 500


class Heads:
    """The survey without its child."""

    def read(self, data: bytes, options: SurveyOptions) -> tuple[FileFacts, ...]:
        return survey_files(data, options)


def the_study(path: Path) -> Bundle:
    (bundle,) = survey(path, Heads(), SurveyOptions()).bundles
    return bundle


class InProcess:
    """The reader without its child, for tests of what it returns."""

    def read(self, data: bytes, options: DeidentifyOptions) -> ReadStudy:
        return read_study(data, options)


def planted_study(number: int) -> tuple[list[SourceFile], list[Planted]]:
    """Five slices with five different headers of one patient; the folder is named after one of them."""
    people = [planted(np.random.default_rng((number, n))) for n in range(A_STUDY)]
    study = draw_study(draw_truth(number, 8, ("FLAIR",)), 12, A_STUDY)
    files = []
    for n, person in enumerate(people):
        options = DicomOptions(planted=Planted(**{**vars(person), "patient_id": people[0].patient_id}))
        name, data = list(dicom_files(study, options).items())[n]
        files.append(SourceFile(f"{person.family}^{person.given}/{person.accession}/{name}", data))
    text = (
        people[1].signature().format(report="FLAIR: hyperintense lesion of 12 x 9 mm in the left thalamus. No infarct.")
    )
    return [*files, SourceFile(f"{people[0].family} report.txt", text.encode())], people


def leaving(store: MemoryArtifacts, done: Submission) -> bytes:
    """Every byte that left: artifacts (unzipped), their names, and the event."""
    parts = [encode(Event(done.fact, "test"))[1]]
    for uri, data in store.contents().items():
        parts += [uri.encode(), gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data]
    return b"\n".join(parts).lower()


def test_no_identifier_of_many_headers_survives(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(HEADERS // A_STUDY):
        files, people = planted_study(number)
        folder = tmp_path / people[0].family
        for file in files:
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.name).write_bytes(file.data)
        store = MemoryArtifacts()
        texts = local_texts(store, tmp_path / "keys")
        done = submit_study(texts, Withdrawals(store), InProcess(), the_study(folder), WITH_FACES, tmp_path / "review")
        assert done.study is not None, done.fact
        assert done.study.sealed is not None
        report = texts.read(done.study.sealed.text, None, done.study.sealed.owner)
        left = leaving(store, done) + report.lower().encode() + caplog.text.lower().encode()
        reviews = tmp_path / "review"
        left += " ".join(map(str, reviews.iterdir() if reviews.exists() else ())).lower().encode()
        for person in people:
            found = [word for word in person.words if word.lower().encode() in left]
            assert not found, (number, found)
        assert "12 x 9 mm in the left thalamus" in report, "what the report is about stays"
        assert "No infarct" in report
        assert b"thalamus" not in leaving(store, done), "the store holds the text sealed"


def test_a_refused_study_says_nothing_of_the_patient(tmp_path: Path) -> None:
    person = planted(np.random.default_rng(3))
    folder = tmp_path / person.family
    folder.mkdir()
    (folder / f"{person.given}.dcm").write_bytes(person.family.encode() * 50)
    store = MemoryArtifacts()
    done = submit_study(local_texts(store, tmp_path), Withdrawals(store), InProcess(), the_study(folder), OPTIONS)
    assert isinstance(done.fact, SourceQuarantined)
    assert done.fact.code == "study-no-series"
    body = encode(Event(done.fact, "test"))[1].lower()
    assert not [word for word in person.words if word.lower().encode() in body]


def test_the_same_study_has_the_same_id_and_another_key_another_patient(tmp_path: Path) -> None:
    files, _ = planted_study(7)
    first, again = (
        store_study(local_texts(MemoryArtifacts(), tmp_path), read_study(pack(files), OPTIONS))[0] for _ in range(2)
    )
    other = read_study(pack(files), DeidentifyOptions(key=b"x" * 32))
    assert first == again
    assert other.patient != first.patient


def test_two_patients_are_no_study() -> None:
    one, two = planted_study(1)[0], planted_study(2)[0]
    with pytest.raises(Exception, match="study-of-several-patients"):
        read_study(pack([*one, *two]), OPTIONS)


def test_dates_of_a_patient_move_together_and_stay_in_the_calendar() -> None:
    back = day_shift(OPTIONS.key, "somebody", 365)
    assert 1 <= back <= 365
    first, second = shifted("20240131", back), shifted("20240301", back)
    assert first is not None
    assert second is not None
    assert (np.datetime64(second) - np.datetime64(first)).astype(int) == 30
    assert shifted("no date", back) is None
    assert patient_pseudonym(OPTIONS.key, "a") != patient_pseudonym(OPTIONS.key, "b")


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "studies.key"
    assert read_key(path) == read_key(path)
    assert len(read_key(path)) == 32
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(Exception, match="study-key-invalid"):
        read_key(path)


def test_the_profile_names_attributes_that_exist() -> None:
    unknown = {name for group in table().values() for name in group} - set(keyword_dict)
    assert not unknown
    assert sum(len(group) for group in table().values()) > 200


@pytest.mark.parametrize(
    "text",
    [
        "Seen on 12.03.2021 and March 4, 2020.", "Call +49 171 2345 678.", "Dr. Weber agrees.", "MRN: 0012345678",
        "mail a.b@clinic.org", "Accession AB1234567", "DOB: 01/02/1950", "a 93-year-old man", "signed by Anna Weber",
    ],
)  # fmt: skip
def test_reports_lose_what_looks_personal(text: str) -> None:
    found, counts = scrub(text, ())
    assert counts
    assert not re.search(r"\d{4}|Weber|clinic|93", found)


@pytest.mark.parametrize(
    "text",
    [
        "A 12 x 8 x 7 mm lesion at 3.5 cm from C2/3.", "T2WI and FLAIR, b1000, 3.0 T, 55-year-old.", "No shift > 5 mm.",
        "DWI高信号, lesion 12 mm, FLAIR呈高信号。", "Korrigiert: Blutung", "Amended: no infarct.",
        "左侧额叶梗死，余未见异常。",
    ],
)  # fmt: skip
def test_reports_keep_what_is_medical(text: str) -> None:
    assert scrub(text, ("Smith",))[0] == text


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("患者Anna Weber头颅平扫。", "Weber"), ("孙丽华，女，56岁。", "孙丽华"), ("2018-03-04T10:22", "2018"),
        ("与2018.5.6旧片对比。", "2018"), ("bleep 234", "234"),
    ],
)  # fmt: skip
def test_names_and_dates_beside_another_script(text: str, person: str) -> None:
    assert person not in scrub(text, (), ("Weber", "Anna"))[0]


def test_words_about_a_study_name_persons_and_no_findings() -> None:
    dataset = Dataset()
    dataset.StudyDescription, dataset.ImageComments = "脑梗死复查", "患者孙丽华拒绝增强 Featherstone"
    item = Dataset()
    item.TextValue = "Amended: 右侧额叶梗死"
    dataset.ContentSequence = [item]
    census = HeaderCensus()
    census.add(dataset)
    census.add_name("Befund/王小明/1.dcm")
    census.add_words(["头颅", "正常", "脑梗死", "李晓芳", "杭州市", "Infarct"])
    text = "Befund: 右侧额叶梗死，脑梗死复查。Amended. 孙丽华 Featherstone 王小明，李晓芳，杭州市。Infarct，正常"
    found, _ = scrub(text, census.secrets, census.persons, census.hearsay)
    assert found == "Befund: 右侧额叶梗死，脑梗死复查。Amended. [NAME]，[NAME]，[NAME]。Infarct，正常"


@pytest.mark.parametrize("slices", [32, 24])  # 6 and 8 mm thick: as thick as the skull that parts brain from face
@pytest.mark.parametrize("sequence", ["T1WI", "T2WI", "FLAIR"])
def test_the_face_goes_and_the_brain_stays(sequence: str, slices: int) -> None:
    study = draw_study(draw_truth(2, 6, (sequence,)), 64, slices)  # type: ignore[arg-type]
    scan = study.scans[0]
    volume = Volume(scan.voxels * 1000, scan.affine)
    head = find_head(volume)
    assert head is not None
    assert head.brain
    after = remove_face(volume, head)
    gone = after.voxels != volume.voxels
    x, y, z = study.at
    nose = (y > 92) & (z < -30)
    brain = (np.square(x / 66) + np.square(y / 82) + np.square(z / 75)) < 1
    assert gone[nose & (volume.voxels > 200)].mean() > 0.98, "the nose"
    assert gone[face(study.at) & (z < -30) & (volume.voxels > 200)].mean() > 0.6, "the face below the eyes"
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    assert gone[brain].sum() * voxel_ml <= 2, "the brain, but for its rim of voxels"
    assert picture(volume, after).startswith(b"\x89PNG")


def test_burned_in_annotation_of_the_header_is_believed() -> None:
    study = draw_study(draw_truth(1, 4, ("FLAIR", "T2WI")), 24, 6)
    files = []
    for name, data in dicom_files(study).items():
        dataset = dcmread(io.BytesIO(data))
        if name.startswith("series-1"):
            dataset.BurnedInAnnotation = "YES"
        out = io.BytesIO()
        dataset.save_as(out)
        files.append(SourceFile(name, out.getvalue()))
    found = read_study(pack(files), OPTIONS)
    assert [series.sequence for series in found.series] == ["T2WI"]
    assert found.deid.burned_in_series == 1


def test_text_in_pictures_is_found_and_pictures_without_are_kept() -> None:
    """A few of the trials of ``journalclip bench burned-in``, which measures both shares."""
    trials = [try_series(number) for number in (0, 7)]
    assert all(trial.found for trial in trials)
    assert not any(trial.false_alarm for trial in trials)


def test_a_wrong_value_of_a_header_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What pydicom takes exception to would otherwise stand in the log, with the value."""
    caplog.set_level(logging.DEBUG)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = MRImageStorage
    dataset.StudyInstanceUID = "1.2.3.45678901"
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=False)
    wrong = out.getvalue().replace(b"1.2.3.45678901", b"1.2.Mustermann")
    assert parse(wrong).StudyInstanceUID == "1.2.Mustermann"
    assert caplog.text == ""
