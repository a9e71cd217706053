"""Every DICOM file that pydicom ships, and DICOM series of our own: decoded whole, or refused with a code of ours."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from journalclip_sources.studies.dicom.assemble import MARKS, assemble, stacks
from journalclip_sources.studies.dicom.decode import parse, pixels
from journalclip_sources.studies.dicom.frames import Slice, slices
from journalclip_sources.studies.errors import REMEDIES, StudyRefused
from journalclip_sources.studies.volume import Volume
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions, dicom_files

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
SHIPPED = sorted(path for path in FOLDER.rglob("*") if path.is_file())
DECODED = 60  # of those that ship with pydicom 3.0, the rest are headers, directories and broken on purpose


def test_every_shipped_file_is_decoded_or_refused_with_a_reason() -> None:
    decoded, refused, reasons = [], {}, []
    for path in SHIPPED:
        name = path.relative_to(FOLDER).as_posix()  # some names occur in several of its folders
        try:
            dataset = parse(path.read_bytes())
            values = pixels(dataset)
        except StudyRefused as error:
            refused[name] = error.code
            reasons.append(error.reason)
            continue
        assert values.shape[1:3] == (dataset.Rows, dataset.Columns)
        decoded.append(name)
    assert set(refused.values()) <= set(REMEDIES)
    assert all(reasons)
    assert len(SHIPPED) == len(decoded) + len(refused) > 150
    assert len(decoded) >= DECODED, sorted(refused.items())
    # Of each compressed syntax that ships one is decoded: RLE, three of JPEG, two of JPEG-LS, two of JPEG 2000.
    for name in (
        "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm",
        "MR_small_jpeg_ls_lossless.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_jp2klossless.dcm", "JPEG2000.dcm",
    ):  # fmt: skip
        assert name in decoded, refused.get(name)


def test_a_cut_file_is_never_half_read() -> None:
    data = (FOLDER / "MR_small.dcm").read_bytes()
    picture = pydicom.dcmread(io.BytesIO(data)).PixelData
    end = data.index(picture) + len(picture)
    assert len(pixels(parse(data))) == 1
    # In the padding behind the pixels, by a value and by a byte of them, in their middle, in the header, to nothing.
    for keep in (len(data) - 1, end - 2, end - 1, len(data) // 2, 400, 10, 0):
        with pytest.raises(StudyRefused):
            pixels(parse(data[:keep]))


def volumes(options: DicomOptions, size: int = 32) -> tuple[Volume, np.ndarray]:
    study = draw_study(draw_truth(1, 4, ("T2WI",)), size, 8)
    found = [piece for data in dicom_files(study, options).values() for piece in slices(parse(data))]
    (stack,) = stacks(found)
    return assemble(stack), study.scans[0].voxels


@pytest.mark.parametrize("options", [DicomOptions(), DicomOptions(enhanced=True), DicomOptions(compressed=True)])
def test_a_series_comes_back_voxel_for_voxel_and_in_its_place(options: DicomOptions) -> None:
    volume, drawn = volumes(options)
    x, _, z = volume.world()
    right = float(volume.voxels[x > 0].mean())
    assert volume.voxels.shape == drawn.shape
    assert float(volume.voxels.sum()) == pytest.approx(float((drawn * 1000).astype(np.uint16).sum()))
    assert right == pytest.approx(float((drawn[drawn.shape[0] // 2 :] * 1000).astype(np.uint16).mean()), rel=0.02)
    assert z.min() < -80 < 80 < z.max()


def test_a_missing_slice_refuses_the_series() -> None:
    study = draw_study(draw_truth(1, 4, ("T2WI",)), 16, 10)
    files = list(dicom_files(study).values())
    found = [piece for n, data in enumerate(files) if n != 4 for piece in slices(parse(data))]
    with pytest.raises(StudyRefused, match="series-slices-missing: 1 of 10 slices"):
        assemble(stacks(found)[0])


def found_slices(count: int = 6) -> list[Slice]:
    study = draw_study(draw_truth(1, 4, ("T2WI",)), 16, count)
    return [piece for data in dicom_files(study).values() for piece in slices(parse(data))]


def test_equal_instances_count_once_and_localizers_are_refused() -> None:
    found = found_slices()
    (stack,) = stacks([*found, *found])
    assert assemble(stack).voxels.shape[2] == len(found)
    with pytest.raises(StudyRefused, match="series-too-few-slices"):
        assemble(stacks(found[:3])[0])


def marked(found: list[Slice], mark: str, values: list[str], copy: str) -> list[Slice]:
    """The slices with one mark set, as instances of their own."""
    place = MARKS.index(mark)
    return [
        replace(
            each,
            marks=(*each.marks[:place], values[n % len(values)], *each.marks[place + 1 :]),
            instance=f"{each.instance}-{copy}",
        )
        for n, each in enumerate(found)
    ]


@pytest.mark.parametrize("mark", ["echo time", "acquisition", "acquisition time", "inversion time"])
def test_marks_that_alternate_within_one_volume_do_not_split_it(mark: str) -> None:
    found = marked(found_slices(), mark, ["90", "90.2"], "a")
    (stack,) = stacks(found)
    assert len(stack.slices) == len(found)


@pytest.mark.parametrize("mark", ["kind", "time point", "acquisition", "acquisition time", "echo time"])
def test_two_volumes_in_one_place_are_told_apart_by_a_mark(mark: str) -> None:
    found = found_slices()
    both = stacks([*marked(found, mark, ["10"], "a"), *marked(found, mark, ["80"], "b")])
    assert [len(each.slices) for each in both] == [len(found)] * 2


def test_a_repeat_without_any_mark_is_two_volumes() -> None:
    found = found_slices()
    both = stacks([*found, *(replace(each, instance=f"{each.instance}-again") for each in found)])
    assert [len(each.slices) for each in both] == [len(found)] * 2


def test_directions_of_one_b_value_are_one_mean() -> None:
    found = found_slices()
    weighted = [
        replace(
            each,
            pixels=each.pixels * factor,
            facts=replace(each.facts, b_value=1000.0),
            marks=("", "1000", str(factor), *each.marks[3:]),
            instance=f"{each.instance}-{factor}",
        )
        for factor in (1, 3)
        for each in found
    ]
    (stack,) = stacks(weighted)
    assert stack.files == 2 * len(found)
    assert np.allclose(assemble(stack).voxels, 2 * assemble(stacks(found)[0]).voxels)


@pytest.mark.parametrize("step", [6.5, 5.5, 3.3])
def test_positions_rounded_to_whole_millimetres_are_no_gap(step: float) -> None:
    found = found_slices(10)
    normal = found[0].normal
    placed = [replace(each, position=normal * float(round(step * n))) for n, each in enumerate(found)]
    assert assemble(stacks(placed)[0]).voxels.shape[2] == 10
    with pytest.raises(StudyRefused, match="series-slices-missing"):
        assemble(stacks([*placed[:4], *placed[5:]])[0])


def test_monochrome1_is_inverted_as_one_volume() -> None:
    found = found_slices()
    plain = assemble(stacks(found)[0]).voxels
    turned = assemble(stacks([replace(each, inverted=True) for each in found])[0]).voxels
    assert np.allclose(turned, plain.max() - plain)


def test_what_is_no_mr_image_is_said_to_be_none() -> None:
    data = next(path for path in SHIPPED if path.name == "CT_small.dcm").read_bytes()
    with pytest.raises(StudyRefused, match="dicom-not-mr"):
        slices(parse(data))
