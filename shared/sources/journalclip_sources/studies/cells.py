"""The two sandboxes of studies: one reads what came from outside, one lays stored volumes on the grid."""

from __future__ import annotations

from journalclip_sources.sandbox import Cell, Limits
from journalclip_sources.studies.codec import NORMALISE, READ_STUDIES
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import STUDY_LIMITS, DeidentifyOptions
from journalclip_sources.studies.read import ReadStudy

_PACKAGE = "journalclip_sources.studies"


def reading(limits: Limits = STUDY_LIMITS) -> Cell[DeidentifyOptions, ReadStudy]:
    """`read.read_study` in a confined child a study."""
    return Cell(limits, f"{_PACKAGE}.read:read_study", READ_STUDIES, f"{_PACKAGE}.codec:READ_STUDIES")


def normalising(limits: Limits = STUDY_LIMITS) -> Cell[NormaliseOptions, NormalisedStudy]:
    """`normalise.normalise_study` in a confined child a study."""
    return Cell(limits, f"{_PACKAGE}.normalise:normalise_study", NORMALISE, f"{_PACKAGE}.codec:NORMALISE")
