"""Labelled cases of the shape of BraTS: read and refused, split without a leak, learnt from, measured once, told."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from journalclip_devtools.doubles.frozen_studies import freeze_studies
from journalclip_devtools.doubles.frozen_studies import voxels_of as drawn_voxels
from journalclip_modeling.folder import upload_folder
from journalclip_modeling.studies.config import StudyModelConfig, TextTowerConfig, tiny_resnet
from journalclip_modeling.studies.data import FrozenStudies
from journalclip_modeling.studies.folder import save_study_folder, scratch_study_model
from journalclip_pipelines.cli import app
from journalclip_pipelines.downstream.cases import CaseList, LaidCases, find_cases, lay_cases
from journalclip_pipelines.downstream.curves import Arm, CurveOptions, Curves
from journalclip_pipelines.downstream.report import CurvePoint, draw_curves, points_of
from journalclip_pipelines.downstream.reported import ReportedCases
from journalclip_pipelines.downstream.split import labels_share, split_cases
from journalclip_pipelines.downstream.start import Pretrained, pretrained, scratch
from journalclip_pipelines.local.workspace import Workspace
from journalclip_pipelines.progress import JsonReporter
from journalclip_pipelines.studies.reports import report_of
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.model import ModelManifest
from journalclip_shared.records.report import SequenceName
from journalclip_shared.testing.memory import MemoryRegistry
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions, normalise_study
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.folders import write_study
from journalclip_training.config import RunOptions
from journalclip_training.studies.classify import ClassifyConfig
from journalclip_training.studies.segment import REGIONS, SegmentConfig

SEQUENCES: tuple[SequenceName, ...] = ("T1CE", "FLAIR")
MODEL = StudyModelConfig(
    grid=(8, 24, 24), sequences=SEQUENCES, tower=tiny_resnet((8, 16)),
    text=TextTowerConfig(width=24, layers=1, heads=2, context=24, vocabulary=300), hidden=24, pool_heads=2, dim=16,
)  # fmt: skip
QUICK = CurveOptions(
    fractions=(0.1, 1.0), seeds=2, classify=ClassifyConfig(steps=1), segment=SegmentConfig(steps=1, width=4)
)
CASES = 10  # a class


class InProcess:
    """The sandbox's own function without its child; ``reads`` counts."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, data: bytes, options: NormaliseOptions) -> NormalisedStudy:
        self.reads += 1
        return normalise_study(data, options)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_cases(root: Path, count: int, sequences: tuple[SequenceName, ...] = SEQUENCES) -> Path:
    """``count`` high-grade cases (enhancing rim, necrotic core, oedema) and as many of low grade (none of them)."""
    for n in range(count):
        for offset, kind in ((0, "glioblastoma"), (1000, "glioma")):
            truth = draw_truth(n + offset, 4, sequences, (kind,), ("frontal lobe", "parietal lobe"), normal=0)
            write_study(draw_study(replace(truth, patient=n + offset), 32, 16), root, "brats", report_of)
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("brats"), CASES)


@pytest.fixture(scope="module")
def found(root: Path) -> CaseList:
    return find_cases(root, SEQUENCES, True, nothing)


@pytest.fixture(scope="module")
def laid(found: CaseList, tmp_path_factory: pytest.TempPathFactory) -> LaidCases:
    return lay_cases(found, MODEL, InProcess(), tmp_path_factory.mktemp("keep"), nothing)


def nothing(_done: int, _total: int) -> None:
    """No progress."""


def start() -> Pretrained:
    return Pretrained(scratch(MODEL, 77), "a digest")


def curves(found: CaseList, lay: Callable[[], LaidCases], folder: Path, options: CurveOptions = QUICK) -> Curves:
    return Curves(found, lay, start(), options, folder, JsonReporter(io.StringIO()))


def no_lay() -> LaidCases:
    raise AssertionError("nothing was left to do, yet the cases are read")


def test_cases_have_the_class_of_their_folder_and_a_map_on_the_grid_of_their_volumes(
    found: CaseList, laid: LaidCases
) -> None:
    assert found.classes == ("HGG", "LGG")
    assert found.truth.tolist() == [0] * CASES + [1] * CASES
    assert len(set(found.groups.tolist())) == 2 * CASES
    assert laid.labels is not None
    assert laid.voxels.shape == (2 * CASES, 2, *MODEL.grid)
    assert laid.present.all()
    for n, truth in enumerate(found.truth):
        codes = set(np.unique(laid.labels[n].numpy()).tolist())
        assert (4 in codes) == (truth == 0), "the rim of a high grade enhances"
        flair, tumour = laid.voxels[n, 1].float(), laid.labels[n] > 0
        assert flair[tumour].mean() > 1.2 * flair[(flair > 20) & ~tumour].mean(), "oedema and core are bright on FLAIR"


@pytest.mark.slow
def test_what_was_laid_is_read_back_and_a_changed_file_is_laid_anew(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    shutil.copytree(root, folder)
    first, again = InProcess(), InProcess()
    before = lay_cases(find_cases(folder, SEQUENCES, True, nothing), MODEL, first, tmp_path / "keep", nothing)
    (path,) = folder.glob("HGG/*00000_1/*_flair.nii.gz")
    shutil.copy(next(folder.glob("LGG/*01000_1/*_flair.nii.gz")), path)
    after = lay_cases(find_cases(folder, SEQUENCES, True, nothing), MODEL, again, tmp_path / "keep", nothing)
    assert (first.reads, again.reads) == (2 * CASES, 1)
    assert (before.voxels != after.voxels).flatten(1).any(1).sum() == 1


def test_examinations_of_a_patient_and_copies_are_one_group(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    shutil.copytree(root, folder)
    first = folder / "HGG" / "BraTS19_SYN_00000_1"
    shutil.copytree(folder / "HGG" / "BraTS19_SYN_00001_1", folder / "HGG" / "BraTS19_SYN_00000_2")
    shutil.copytree(first, folder / "LGG" / "renamed")
    found = find_cases(folder, SEQUENCES, False, nothing)
    group = {case.said: int(n) for case, n in zip(found.cases, found.groups, strict=True)}
    joined = {name for name, n in group.items() if n == group["HGG/BraTS19_SYN_00000_1"]}
    assert joined == {
        "HGG/BraTS19_SYN_00000_1", "HGG/BraTS19_SYN_00000_2", "LGG/renamed", "HGG/BraTS19_SYN_00001_1",
    }  # fmt: skip
    for seed in range(20):
        train, asked = split_cases(found.truth, found.groups, found.classes, seed)
        assert not {int(found.groups[n]) for n in train} & {int(found.groups[n]) for n in asked}


def broken(root: Path, how: str) -> None:
    case = root / "HGG" / "BraTS19_SYN_00000_1"
    (seg,) = case.glob("*_seg.nii.gz")
    image = nibabel.Nifti1Image.from_filename(seg)
    codes = np.asarray(image.dataobj)
    if how == "no folder":
        shutil.rmtree(root)
    elif how == "flat":  # cases without a class above them
        for each in root.glob("*/*/*"):
            shutil.move(each, root / each.parent.name)
    elif how == "one class":
        shutil.rmtree(root / "LGG")
    elif how == "one case":
        for each in sorted((root / "LGG").iterdir())[1:]:
            shutil.rmtree(each)
    elif how == "no map":
        seg.unlink()
    elif how == "no sequence":
        for each in (*case.glob("*_t1ce*"), *case.glob("*_flair*")):
            each.rename(each.with_name("pet.nii.gz" if "flair" in each.name else "ct.nii.gz"))
    elif how == "twice":
        shutil.copy(next(case.glob("*_flair*")), case / "other_flair.nii.gz")
    elif how == "other label":
        nibabel.save(nibabel.Nifti1Image(np.where(codes == 4, 9, codes).astype(np.uint8), image.affine), seg)
    elif how == "other grid":
        nibabel.save(nibabel.Nifti1Image(codes[:, :, 1:], image.affine), seg)
    elif how == "no nifti":
        next(case.glob("*_flair*")).write_bytes(b"nothing")


@pytest.mark.parametrize(
    ("how", "code", "named"),
    [
        ("no folder", "cases-missing", ""),
        ("flat", "cases-missing", ""),
        ("one class", "cases-one-class", "HGG"),
        ("one case", "cases-too-few", "LGG has 1"),
        ("no map", "labels-missing", "HGG/BraTS19_SYN_00000_1"),
        ("no sequence", "case-without-sequence", "HGG/BraTS19_SYN_00000_1"),
        ("twice", "case-sequence-twice", "HGG/BraTS19_SYN_00000_1"),
        ("other label", "labels-invalid", "HGG/BraTS19_SYN_00000_1"),
        ("other grid", "labels-other-grid", "HGG/BraTS19_SYN_00000_1"),
        ("no nifti", "nifti-invalid", "HGG/BraTS19_SYN_00000_1"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_code_a_name_and_a_way_out(
    root: Path, tmp_path: Path, how: str, code: str, named: str
) -> None:
    folder = tmp_path / "cases"
    for each in ("HGG/BraTS19_SYN_00000_1", "HGG/BraTS19_SYN_00001_1", "LGG/BraTS19_SYN_01000_1",
                 "LGG/BraTS19_SYN_01001_1"):  # fmt: skip
        shutil.copytree(root / each, folder / each)
    broken(folder, how)

    def measured() -> None:
        cases = find_cases(folder, SEQUENCES, True, nothing)
        curves(cases, lambda: lay_cases(cases, MODEL, InProcess(), tmp_path / "keep", nothing), tmp_path).run()

    with pytest.raises(PermanentError) as refused:
        measured()
    assert refused.value.code == code
    assert named in refused.value.reason
    assert refused.value.remedy


def test_a_split_shares_no_group_holds_every_class_and_is_the_seeds_alone() -> None:
    rng = np.random.default_rng(0)
    for seed in range(30):
        truth = np.sort(rng.integers(0, 3, 60))
        groups = rng.integers(0, 40, 60) + 100 * (truth == 0)  # two classes share patients, one has its own
        train, asked = split_cases(truth, groups, ("a", "b", "c"), seed)
        assert sorted(train + asked) == list(range(60))
        assert not set(groups[train]) & set(groups[asked])
        assert set(truth[train]) == set(truth[asked]) == {0, 1, 2}
        assert split_cases(truth, groups, ("a", "b", "c"), seed) == (train, asked)
    truth, groups = np.arange(40) % 2, np.arange(40)
    sides = [tuple(split_cases(truth, groups, ("a", "b"), seed)[1]) for seed in range(5)]
    assert len(set(sides)) == 5
    assert {len(each) for each in sides} == {12}, "three of ten"


def test_shares_of_the_labels_nest_and_hold_every_class() -> None:
    truth = np.array([0] * 90 + [1] * 20)
    train = list(range(0, 110, 2))
    shares = [set(labels_share(truth, train, share, 3)) for share in (0.001, 0.01, 0.1, 0.5, 1.0)]
    assert [len(each) for each in shares] == [2, 2, 5, 27, 55]
    for few, many in pairwise(shares):
        assert few <= many
        assert set(truth[list(few)]) == {0, 1}


@pytest.mark.slow
def test_both_tasks_learn_what_is_plain_to_see(found: CaseList, tmp_path: Path) -> None:
    """High grade: a rim bright on T1CE around a dark core; low grade: a spot bright on FLAIR alone."""
    grid, generator = (3, 16, 16), torch.Generator().manual_seed(0)
    voxels = torch.randint(0, 60, (2 * CASES, 2, *grid), generator=generator, dtype=torch.uint8)
    labels = torch.zeros(2 * CASES, *grid, dtype=torch.uint8)
    for n, low in enumerate(found.truth):
        y, x = torch.randint(1, 8, (2,), generator=generator).tolist()
        voxels[n, int(low), 1, y : y + 7, x : x + 7] = 240
        labels[n, 1, y : y + 7, x : x + 7] = 1 if low else 4
        if not low:
            voxels[n, 0, 1, y + 2 : y + 5, x + 2 : x + 5] = 120
            labels[n, 1, y + 2 : y + 5, x + 2 : x + 5] = 1
    laid = LaidCases(voxels, torch.ones(2 * CASES, 2, dtype=torch.bool), labels)
    start = Pretrained(scratch(replace(MODEL, grid=grid), 77), "a digest")
    options = CurveOptions(
        fractions=(1.0,), seeds=1, classify=ClassifyConfig(steps=160, batch=12, lr=5e-3, tower_lr=3e-3),
        segment=SegmentConfig(steps=150, width=8),
    )  # fmt: skip
    arms = Curves(found, lambda: laid, start, options, tmp_path, JsonReporter(io.StringIO())).run()
    assert [(arm.task, arm.start) for arm in arms] == [
        ("classify", "scratch"), ("classify", "pretrained"), ("segment", "scratch"), ("segment", "pretrained"),
    ]  # fmt: skip
    for arm in arms[:2]:
        assert arm.scores["recall"] > 0.8, arm
    for arm in arms[2:]:
        assert set(arm.scores) == {
            f"{measure} {region}" for measure in ("Dice", "HD95 mm", "missed") for region in REGIONS
        }
        assert arm.scores["Dice whole"] > 0.8, arm
        assert arm.scores["Dice enhancing"] > 0.5, arm


def test_an_arm_is_run_once_for_the_same_cases_weights_and_settings(
    found: CaseList, laid: LaidCases, tmp_path: Path
) -> None:
    first = curves(found, lambda: laid, tmp_path).run()
    assert len(first) == 16
    assert curves(found, no_lay, tmp_path).run() == first
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "arms").iterdir()}
    lost = tmp_path / "arms" / "segment-1-0.1-pretrained.json"
    lost.unlink()
    assert curves(found, lambda: laid, tmp_path).run() == first
    redone = [path.name for path, time in files.items() if path.stat().st_mtime_ns != time]
    assert redone == [lost.name]
    other = replace(QUICK, classify=ClassifyConfig(steps=2))
    with pytest.raises(AssertionError, match="nothing was left"):
        curves(found, no_lay, tmp_path, other).run()


def test_arms_of_a_seed_share_their_test_cases_and_differ_in_labels_alone(
    found: CaseList, laid: LaidCases, tmp_path: Path
) -> None:
    arms = curves(found, lambda: laid, tmp_path, replace(QUICK, tasks=("classify",))).run()
    assert {arm.asked for arm in arms} == {6}
    assert {(arm.fraction, arm.labels) for arm in arms} == {(0.1, 2), (1.0, 14)}


def test_differences_are_paired_by_seed_and_what_an_arm_lacks_is_left_out(tmp_path: Path) -> None:
    def arm(seed: int, name: str, scores: dict[str, float]) -> Arm:
        return Arm("segment", seed, 1.0, name, 10, 4, scores)  # type: ignore[arg-type]  # a start's name

    arms = [
        arm(0, "scratch", {"Dice whole": 0.2, "Dice core": 0.1}),
        arm(0, "pretrained", {"Dice whole": 0.3, "Dice core": 0.1}),
        arm(1, "scratch", {"Dice whole": 0.6}),
        arm(1, "pretrained", {"Dice whole": 0.7}),
    ]
    one, two = points_of(arms)
    assert (one.measure, one.arm, one.values, one.difference) == ("Dice whole", "scratch", (0.2, 0.6), None)
    assert two.difference == pytest.approx((0.1, 0.1, 0.1)), "0.1 in each seed, however seeds differ"
    far = CurvePoint("HD95 mm core", "scratch", (0.5, 0.9), None, 1.0, 10)
    assert far.mean[2] > 1, "a length is no share: its interval goes beyond 1"
    assert two.mean[2] == 1, "a share's does not"
    wide = CurvePoint("accuracy", "pretrained", (0.9, 0.2), (0.1, -1.2, 1.4), 1.0, 10)
    assert wide.difference_said() == "+0.100 (-1.000 to +1.000)", "two shares differ by no more than 1"
    draw_curves([one, two], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_start_is_a_folder_or_an_alias_that_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_study_folder(scratch_study_model(["a tumour"], MODEL, 5), tmp_path / "model")
    workspace, registry = Workspace(tmp_path / "W"), MemoryRegistry()
    workspace.bus.publish([])  # a folder in which a run has worked
    monkeypatch.setattr(Workspace, "registry", lambda _workspace, _kind: registry)
    for name in (str(tmp_path / "nowhere"), "champion"):
        with pytest.raises(PermanentError) as refused:
            pretrained(name, workspace.root)
        assert refused.value.code == "start-missing"
    document = workspace.store.put("datasets", b"{}", "application/json")
    manifest = ModelManifest(
        model_id="mdl_1", dataset_id="ds_1", dataset=document, recipe="r", config="{}", base="scratch:0",
        files=upload_folder(workspace.store, tmp_path / "model"), kind="studies",
    )  # fmt: skip
    ref = workspace.store.put("models", manifest.canonical(), "application/json")
    registry.set_alias("champion", registry.register("mdl_1", ref, "", {}).version)
    named, by_alias = pretrained(str(tmp_path / "model"), workspace.root), pretrained("champion", workspace.root)
    assert named.digest == by_alias.digest
    assert named.config == by_alias.config == MODEL
    fresh = scratch(MODEL, 5)
    for loaded in (named, by_alias):
        assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), fresh.parameters(), strict=True))


@pytest.mark.slow
def test_the_command_measures_draws_and_answers_json(tmp_path: Path) -> None:
    root = write_cases(tmp_path / "brats", 2)
    save_study_folder(scratch_study_model(["a tumour"], MODEL, 5), tmp_path / "model")
    call = [
        "studies", "downstream", str(root), "--model", str(tmp_path / "model"), "--fractions", "0.5,1", "--seeds", "2",
        "--steps", "1", "--out", str(tmp_path / "out"), "--plot", str(tmp_path / "curves.png"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, [*call, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["classes"] == {"HGG": 2, "LGG": 2}
    assert answer["asked"] == 2
    measures = {point["measure"] for point in answer["points"]}
    assert {"accuracy", "precision", "recall", "F1", "AUC", "probe AUC", "Dice whole", "HD95 mm whole"} <= measures
    assert {(point["fraction"], point["arm"]) for point in answer["points"]} == {
        (share, arm) for share in (0.5, 1.0) for arm in ("scratch", "pretrained")
    }
    assert (tmp_path / "curves.png").exists()
    table = CliRunner().invoke(app, call)  # all arms are kept
    assert "Dice whole" in table.output
    one = CliRunner().invoke(app, [*call, "--task", "classify", "--sequences", "T1CE", "--json"])
    assert one.exit_code == 0, one.output
    assert "Dice whole" not in {point["measure"] for point in json.loads(one.stdout)["points"]}
    strange = CliRunner().invoke(app, [*call, "--sequences", "T1CE,SWI"])
    assert isinstance(strange.exception, PermanentError)
    assert strange.exception.code == "sequences-invalid"
    wrong = CliRunner().invoke(app, [*call, "--fractions", "2"])
    assert isinstance(wrong.exception, PermanentError)
    assert wrong.exception.code == "fractions-invalid"


def test_its_help_shows_examples() -> None:
    said = CliRunner().invoke(app, ["studies", "downstream", "--help"]).output
    assert "journalclip studies downstream MICCAI_BraTS_2019" in said
    assert "--fractions" in said


def test_reports_of_a_frozen_dataset_are_labels_for_a_probe_and_for_fine_tuning(tmp_path: Path) -> None:
    """By the command: studies of the splits that training left out, told apart by a finding of their reports."""
    workspace = Workspace(tmp_path / "w")
    workspace.root.mkdir()
    assert not list(workspace.bus.read("datasets.frozen.v1"))  # makes the log
    dataset = freeze_studies(workspace.store, MODEL.grid, train=4, test=24, sequences=SEQUENCES).dataset_id
    save_study_folder(scratch_study_model(["an infarct"], MODEL, 5), tmp_path / "model")
    call = [
        "studies", "downstream", "--dataset", dataset, "--model", str(tmp_path / "model"), "--fractions", "1",
        "--seeds", "2", "--steps", "1", "--out", str(tmp_path / "out"), "--workdir", str(workspace.root), "--json",
    ]  # fmt: skip
    result = CliRunner().invoke(app, [*call, "--finding", "infarct"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    # Two studies a finding in turn, of 24; validation and test hold the same ones here, and each counts once.
    assert answer["classes"] == {"no infarct": 16, "infarct": 8}
    assert {"accuracy", "AUC", "probe accuracy", "probe AUC"} <= {point["measure"] for point in answer["points"]}
    for wrong, code in (
        (["--finding", "meningioma"], "finding-unknown"), ([], "cases-source"),
        (["--finding", "infarct", "--task", "segment"], "labels-missing"),
    ):  # fmt: skip
        refused = CliRunner().invoke(app, [*call, *wrong]).exception
        assert isinstance(refused, PermanentError)
        assert refused.code == code


def test_reported_cases_hide_other_sequences_and_keep_their_studies_order(tmp_path: Path) -> None:
    store = Workspace(tmp_path).store
    frozen = FrozenStudies.open(store, freeze_studies(store, MODEL.grid, 4, 12, sequences=SEQUENCES).manifest)
    cases = ReportedCases(frozen, MODEL, ("FLAIR",), "infarct")
    laid = cases.lay(tmp_path / "shards", RunOptions())
    assert laid.present.tolist() == [[False, True]] * 12
    drawn = [drawn_voxels(int(study.study_id.removeprefix("std_")), "FLAIR", MODEL.grid) for _, _, study in cases.rows]
    assert all(np.array_equal(laid.voxels[n, 1].numpy(), each) for n, each in enumerate(drawn))
    assert cases.groups.tolist() == [n // 2 for n in range(12)]
    assert cases.truth.tolist() == [1 if n // 2 % 3 == 1 else 0 for n in range(4, 16)]
