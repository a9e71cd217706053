"""Every way a study, or one of its files or series, can be refused; docs/operations/errors.md lists the codes.

What is wrong with one file costs its series, what is wrong with one series costs that series, and a study without any
usable series is refused whole. A reason never repeats what a header says: it names attributes, not values.
"""

from __future__ import annotations

from journalclip_shared.errors import PermanentError

REMEDIES: dict[str, str] = {
    "path-missing": "Look at the path: a folder, a zip, a tar or a file is wanted.",
    "study-empty": "Give a folder or a zip with the study's files.",
    "study-archive-invalid": "Pack the folder again.",
    "study-archive-bomb": "Submit the folder itself, or raise the limits of the studies' sandbox.",
    "study-too-many-files": "Submit one study at a time.",
    "study-no-series": "Look at the reasons of its series; at least one head-MRI sequence must be readable.",
    "study-of-several-patients": "Submit one patient's study at a time.",
    "study-key-invalid": "Keep the key file that the first submission made, or give another one of 32 bytes or more.",
    "file-not-image": "Nothing to do: reports are read, other files are passed over.",
    "file-unreadable": "Look at the rights of the file and at the disk.",
    "file-derived": "Nothing to do: what was computed from scans is no scan.",
    "file-beside-dicom": "Nothing to do: the DICOM series is read.",
    "dicom-invalid": "Export the file again.",
    "dicom-no-pixels": "Nothing to do: the object holds no picture.",
    "dicom-codec": "Export without compression, or in JPEG, JPEG 2000, JPEG-LS or RLE.",
    "dicom-pixels-invalid": "Export the series again.",
    "dicom-not-mr": "Submit MR images; secondary captures and other modalities are left out.",
    "dicom-geometry": "Export the series with its positions and orientations.",
    "series-slices-missing": "Export the whole series.",
    "series-too-few-slices": "Nothing to do: localizers and single slices are no volume.",
    "series-burned-in": "Remove the annotation at the scanner, or leave the series out.",
    "series-diffusion-unknown": "Export the series with its b-values, by the standard's attribute or the vendor's own.",
    "series-face-not-removed": "Deface the series with another tool and give --no-face, or leave it out.",
    "series-unrecognised": "Name the sequence in the series' description, or in the file's name.",
    "nifti-invalid": "Convert the series again.",
    "nifti-no-orientation": "Convert with a qform or sform: without one left and right are unknown.",
    "nifti-4d": "Give one volume, or a .bval file beside it.",
    "nifti-not-finite": "Convert again, with the values outside the head set to 0.",
    "volume-too-large": "Crop or resample it; raise the limits of the studies' sandbox.",
    "volume-empty": "Look at the series: all of its values are the same.",
    "labels-invalid": "Write 0 background, 1 core, 2 oedema, 4 (or 3) enhancing; other labels are unknown here.",
    "labels-other-grid": "Give the label map on the voxels of the case's own volumes.",
    "report-unreadable": "Give plain text in UTF-8, JSON with `report`, `findings` or `text`, or a DICOM SR.",
    "report-unassigned": "Name it after the accession number or StudyInstanceUID, or lay it into the study's folder.",
    "report-superseded": "Nothing to do: the latest report of a study holds.",
    "report-prior": "Nothing to do: only the report of the study itself is read.",
    "report-measurements": "Nothing to do: a viewer's measurements are no report.",
}


class StudyRefused(PermanentError):
    """A study, series or file that is not taken in; ``code`` is one of `REMEDIES`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason, REMEDIES[code])
