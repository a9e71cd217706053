"""What a caller may choose about reading a study; all of it but the key is part of the extractor's version."""

from __future__ import annotations

from dataclasses import dataclass, field

from journalclip_sources.sandbox import Limits

MIB = 1 << 20


@dataclass(frozen=True)
class GridOptions:
    """The voxels a model reads: every volume of every study on a grid of this size, centred on the brain."""

    shape: tuple[int, int, int] = (24, 224, 192)  # slices, rows (front to back), columns (right to left)
    spacing_mm: tuple[float, float, float] = (6.5, 1.0, 1.0)


@dataclass(frozen=True)
class StudyHints:
    """What the archive around a study says of it; the child that reads one study cannot see it. All of it identifies.

    ``study`` is a StudyInstanceUID that files beside NIfTI name, ``subject`` a patient's label within a data set,
    ``issuer`` the only one that the archive gives to the patient's number. ``report`` comes from an export of reports,
    else ``report_file`` names the file that holds it. ``secrets`` are other words of the export's row.
    """

    study: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    report: str = field(default="", repr=False)
    report_file: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class DeidentifyOptions:
    """What is done to a study before any of it is stored. ``key`` makes pseudonyms; it never leaves the machine."""

    key: bytes = field(default=b"", repr=False)
    shift_days: int = 365  # a patient's dates move back by 1 to this many days, all by the same
    face: bool = True
    burned_in: bool = True
    hints: StudyHints = field(default_factory=StudyHints, repr=False)


# A study of seven thin-slice series is some 500 MiB; in the child it is there twice, and once as floats a series.
STUDY_LIMITS = Limits(wall_s=240.0, cpu_s=200, memory_bytes=6144 * MIB, input_bytes=1536 * MIB, output_bytes=1024 * MIB)
# Heads of a batch of files; the answer is smaller, but for tables of reports.
SURVEY_LIMITS = Limits(wall_s=240.0, cpu_s=200, memory_bytes=4096 * MIB, input_bytes=1536 * MIB, output_bytes=512 * MIB)
MAX_FILES = 20_000
MAX_FILE_BYTES = 1024 * MIB
MAX_RATIO = 200  # of unpacked to packed bytes; MRI packs 2 to 4 times, empty planes up to some dozens
MAX_VOXELS = 512 * 512 * 600
