"""The sandboxes of studies: one looks at first bytes, one reads a study, one lays stored volumes on the grid."""

from __future__ import annotations

from journalclip_sources.sandbox import Cell, Limits
from journalclip_sources.studies.codec import NORMALISE, READ_STUDIES, SURVEY
from journalclip_sources.studies.heads import FileFacts, SurveyOptions
from journalclip_sources.studies.normalise import NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import STUDY_LIMITS, SURVEY_LIMITS, DeidentifyOptions
from journalclip_sources.studies.read import ReadStudy

_PACKAGE = "journalclip_sources.studies"


def reading(limits: Limits = STUDY_LIMITS) -> Cell[DeidentifyOptions, ReadStudy]:
    """`read.read_study` in a confined child a study."""
    return Cell(limits, f"{_PACKAGE}.read:read_study", READ_STUDIES, f"{_PACKAGE}.codec:READ_STUDIES")


def surveying(limits: Limits = SURVEY_LIMITS) -> Cell[SurveyOptions, tuple[FileFacts, ...]]:
    """`heads.survey_files` in a confined child a batch of files."""
    return Cell(limits, f"{_PACKAGE}.heads:survey_files", SURVEY, f"{_PACKAGE}.codec:SURVEY")


def normalising(limits: Limits = STUDY_LIMITS) -> Cell[NormaliseOptions, NormalisedStudy]:
    """`normalise.normalise_study` in a confined child a study."""
    return Cell(limits, f"{_PACKAGE}.normalise:normalise_study", NORMALISE, f"{_PACKAGE}.codec:NORMALISE")
