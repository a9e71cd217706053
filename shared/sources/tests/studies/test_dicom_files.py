"""Every DICOM file that pydicom ships, and DICOM series of our own: decoded whole, or refused with a code of ours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from journalclip_sources.studies.dicom.assemble import assemble, stacks
from journalclip_sources.studies.dicom.decode import parse, pixels
from journalclip_sources.studies.dicom.frames import slices
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


def test_slices_in_one_place_and_localizers_are_refused() -> None:
    study = draw_study(draw_truth(1, 4, ("T2WI",)), 16, 6)
    found = [piece for data in dicom_files(study).values() for piece in slices(parse(data))]
    with pytest.raises(StudyRefused, match="dicom-geometry"):
        assemble(stacks([*found, *found])[0])
    with pytest.raises(StudyRefused, match="series-too-few-slices"):
        assemble(stacks(found[:3])[0])


def test_what_is_no_mr_image_is_said_to_be_none() -> None:
    data = next(path for path in SHIPPED if path.name == "CT_small.dcm").read_bytes()
    with pytest.raises(StudyRefused, match="dicom-not-mr"):
        slices(parse(data))
