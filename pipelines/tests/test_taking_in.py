"""Taking studies in, by command and from a PACS: into the log and store of settings, without a model's libraries."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import MRImageStorage  # type: ignore[attr-defined]  # made at import

from journalclip_intake.receive import ReceiveOptions
from journalclip_pipelines.local.receiving import receive_studies
from journalclip_pipelines.studies.destination import SettledDestination
from journalclip_pipelines.studies.taking_in import TakingIn
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.bus.sqlite import SqliteBus
from journalclip_shared.events import StudySubmitted
from journalclip_shared.history import facts_of
from journalclip_shared.settings import Settings
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files

# What the image of the pod that takes studies in (`image-studies` of pyproject.toml) does not hold.
_ABSENT = (
    "torch", "transformers", "mlflow", "ray", "journalclip_modeling", "journalclip_training", "journalclip_inference",
    "journalclip_promotion", "journalclip_evaluation", "journalclip_structuring", "journalclip_synthetic",
)  # fmt: skip
_COMMAND = """
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from journalclip_pipelines.cli import main
sys.argv = ["journalclip", *{words!r}]
main()
"""


def archive(number: int, folder: Path) -> list[bytes]:
    """One study of one small series, written and returned."""
    files = dicom_files(draw_study(draw_truth(number, 4, ("FLAIR",)), 16, 6), DicomOptions(number=number))
    folder.mkdir(parents=True)
    for n, data in enumerate(files.values()):
        (folder / f"{n}.dcm").write_bytes(data)
    return list(files.values())


def submitted(bus: SqliteBus) -> list[StudySubmitted]:
    return list(facts_of(bus, StudySubmitted))


def test_submit_needs_nothing_that_its_image_lacks(tmp_path: Path) -> None:
    archive(1, tmp_path / "in")
    words = ["studies", "submit", str(tmp_path / "in"), "--workdir", str(tmp_path / "W"), "--no-face", "--json"]
    code = _COMMAND.format(absent=set(_ABSENT), words=words)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(submitted(SqliteBus(tmp_path / "W" / "events.db"))) == 1


def test_log_and_store_are_those_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Settings] = []

    def bus_of(settings: Settings) -> SqliteBus:
        opened.append(settings)
        return SqliteBus(tmp_path / "elsewhere.db")

    monkeypatch.setenv("JOURNALCLIP_BUS", "kafka")
    monkeypatch.setattr("journalclip_pipelines.studies.destination.open_bus", bus_of)
    destination = SettledDestination.of(tmp_path / "W")
    assert isinstance(destination.bus, SqliteBus)
    assert [each.bus for each in opened] == ["kafka"]
    assert isinstance(destination.store, LocalArtifacts)


def test_what_is_whole_when_the_receiver_is_told_to_end_is_submitted(tmp_path: Path) -> None:
    slices = archive(2, tmp_path / "sent")
    destination, stop, said = SettledDestination.of(tmp_path / "W"), threading.Event(), list[str]()
    options = ReceiveOptions(("PACS",), port=0, quiet_s=3600.0)  # it would wait an hour for more
    listening = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        listening.set()

    receiving = threading.Thread(
        target=receive_studies, args=(destination, TakingIn(face=False), options, say, stop), daemon=True
    )
    receiving.start()
    assert listening.wait(60)
    entity = AE(ae_title="PACS")
    entity.add_requested_context(MRImageStorage)
    association = entity.associate("127.0.0.1", int(said[0].split(":")[1].split()[0]), ae_title="JOURNALCLIP")
    assert all(association.send_c_store(dcmread(io.BytesIO(each))).Status == 0 for each in slices)
    association.release()
    stop.set()
    receiving.join(60)
    assert not receiving.is_alive()
    (fact,) = submitted(SqliteBus(tmp_path / "W" / "events.db"))
    assert said[1] == f"submitted {fact.study_id}"
