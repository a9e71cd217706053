"""The whole chain of studies: phantom archive to a model that answers a dropped study, nothing personal on the way."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from journalclip_inference.api.app import create_app
from journalclip_inference.audit import AuditFile
from journalclip_inference.backend import LocalBackend
from journalclip_inference.batching import BatchLimits
from journalclip_inference.reload import Holder
from journalclip_inference.service import Clients, serving_of
from journalclip_inference.settings import InferenceSettings
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import JsonReporter
from journalclip_pipelines.studies.reader import SandboxedReader
from journalclip_pipelines.studies.reports import report_of
from journalclip_pipelines.studies.run import StudyRunOptions, StudyRunResult, registry_of, run_studies
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.cells import normalising, reading
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions
from journalclip_synthetic.studies.folders import write_study
from journalclip_synthetic.studies.identifiers import Planted, planted

SEQUENCES: tuple[SequenceName, ...] = ("T1CE", "FLAIR", "DWI")
PATIENTS, STUDIES = 7, 8
SETTINGS = ("optim.epochs=2", "optim.batch=6", "data.min_studies=3", "model.grid=6,32,32")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Planted]]:
    """Eight studies of seven patients as DICOM with planted identifiers, and one that is none."""
    root = tmp_path_factory.mktemp("archive")
    people = [planted(np.random.default_rng((5, n))) for n in range(PATIENTS)]
    for n in range(STUDIES):
        truth = draw_truth(n, 3, SEQUENCES)
        options = DicomOptions(planted=people[n % PATIENTS], number=n // PATIENTS)
        write_study(draw_study(truth, 48, 12), root / people[n % PATIENTS].family / str(n), "dicom", report_of, options)
    (root / "broken").mkdir()
    (root / "broken" / "0001.dcm").write_bytes(b"no DICOM at all")
    return root, people


@pytest.fixture(scope="module")
def done(
    archive: tuple[Path, list[Planted]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, StudyRunResult]:
    workspace = Workspace(tmp_path_factory.mktemp("work"))
    options = StudyRunOptions(settings=SETTINGS, review=workspace.root / "review")
    return workspace, run_studies(workspace, archive[0], options, JsonReporter())


def test_every_stage_did_its_work(done: tuple[Workspace, StudyRunResult]) -> None:
    workspace, result = done
    assert result.submitted == STUDIES + 1
    assert result.new == STUDIES
    assert [fact.code for fact in result.refused] == ["study-no-series"]
    assert result.dataset is not None
    manifest = DatasetManifest.model_validate_json(workspace.store.get(result.dataset.manifest))
    assert manifest.kind == "studies"
    assert manifest.leaks.total == 0
    assert sum(part.articles for part in manifest.splits.values()) == PATIENTS
    champion = registry_of(workspace).by_alias("candidate")
    assert champion is not None
    model = ModelManifest.model_validate_json(workspace.store.get(champion.manifest))
    assert model.kind == "studies"
    assert list(workspace.store.list_manifests("models", "studies/decisions/")), "a decision is on record"


def test_a_patients_studies_stand_on_one_side(done: tuple[Workspace, StudyRunResult]) -> None:
    workspace, result = done
    assert result.dataset is not None
    dataset = FrozenStudies.open(workspace.store, result.dataset.manifest)
    sides: dict[str, set[str]] = {}
    for split in dataset.manifest.splits:
        for study in dataset.studies(split):
            sides.setdefault(study.patient, set()).add(split)
    assert max(map(len, sides.values())) == 1


def test_nothing_personal_is_anywhere_in_the_working_folder(
    archive: tuple[Path, list[Planted]], done: tuple[Workspace, StudyRunResult]
) -> None:
    workspace, _ = done
    words = [word.lower().encode() for person in archive[1] for word in person.words]
    for path in workspace.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes().lower()
            found = [word for word in words if word in data]
            assert not found, f"{path.relative_to(workspace.root)} holds {found[:3]}"
            assert not any(word in str(path).lower().encode() for word in words)


def test_a_second_run_has_nothing_to_do(
    archive: tuple[Path, list[Planted]], done: tuple[Workspace, StudyRunResult]
) -> None:
    workspace, first = done
    again = run_studies(workspace, archive[0], StudyRunOptions(settings=SETTINGS), JsonReporter())
    assert again.work_done == 0
    assert again.dataset == first.dataset


@pytest.fixture
def client(done: tuple[Workspace, StudyRunResult]) -> Iterator[TestClient]:
    workspace, _ = done
    registry = registry_of(workspace)
    if registry.by_alias("champion") is None:  # two epochs need not pass the gate; serving is what is tested here
        candidate = registry.by_alias("candidate")
        assert candidate is not None
        registry.set_alias("champion", candidate.version)
    with reading() as read, normalising() as normalise:
        clients = Clients(
            workspace.store, workspace.bus, workspace.cache, AuditFile(workspace.root / "audit"),
            study_registry=registry, study_reader=SandboxedReader(read, normalise, b"k" * 32),
        )  # fmt: skip
        settings = InferenceSettings(workdir=workspace.root, anonymous=True)
        parts = serving_of(settings, clients, LocalBackend(Holder(), BatchLimits()))
        with TestClient(
            create_app(parts, settings.max_body_bytes), base_url="http://127.0.0.1", client=("127.0.0.1", 1)
        ) as found:
            yield found


def test_a_dropped_study_is_answered(
    archive: tuple[Path, list[Planted]], done: tuple[Workspace, StudyRunResult], client: TestClient, tmp_path: Path
) -> None:
    ensure_index(done[0])
    zipped = tmp_path / "study.zip"
    folder = next(each for each in (archive[0] / archive[1][0].family).rglob("report.txt")).parent
    with zipfile.ZipFile(zipped, "w") as out:
        for path in folder.rglob("*.dcm"):
            out.write(path, path.relative_to(folder))
    answer = client.post("/v1/studies/query", files={"files": ("study.zip", zipped.read_bytes())})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert {each["sequence"] for each in found["series"]} == set(SEQUENCES)
    assert found["similar"][0]["score"] == pytest.approx(1, abs=1e-3), "the archive holds this very study"
    assert len(found["findings"]["cosines"]) == len(found["findings"]["findings"])
    assert not any(word.lower() in json.dumps(found).lower() for word in archive[1][0].words)
    volume = client.get(f"/v1/studies/query/{found['query_id']}/volumes/FLAIR")
    assert volume.headers["x-shape"] == "6,32,32"
    assert len(volume.content) == 6 * 32 * 32
    archived = client.get(f"/v1/studies/{found['similar'][0]['study_id']}/volumes/FLAIR")
    assert archived.content == volume.content, "drop and archive are read alike"
    picture = client.get(found["findings"]["picture_url"])
    assert picture.text.startswith("<svg")
    assert "infarct" in picture.text


def test_what_is_no_study_is_refused_with_its_code(done: tuple[Workspace, StudyRunResult], client: TestClient) -> None:
    ensure_index(done[0])
    answer = client.post("/v1/studies/query", files={"files": ("notes.pdf", b"%PDF-1.4 nothing")})
    assert answer.status_code == 422
    assert answer.json()["code"] == "study-no-series"
    assert client.get("/v1/studies/query/nothing/volumes/FLAIR").status_code == 404


def ensure_index(workspace: Workspace) -> None:
    """The index of the aliased model, where the gate did not promote it."""
    from journalclip_inference.studies.index import StudyIndexHandler
    from journalclip_shared.events import Event, ModelPromoted

    champion = registry_of(workspace).by_alias("champion")
    assert champion is not None
    model = ModelManifest.model_validate_json(workspace.store.get(champion.manifest))
    fact = ModelPromoted(
        model_id=model.model_id, dataset_id=model.dataset_id, manifest=champion.manifest, version=champion.version,
        kind="studies",
    )  # fmt: skip
    StudyIndexHandler(workspace.store, workspace.cache).handle(Event(fact, "test"))
