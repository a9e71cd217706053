"""What a caption says about the kind of image: words of the field, each voting for one modality.

The first modality that is named wins among equals: captions open with what is shown and go on to what it is compared
with. ``IDLE`` words announce figures nothing visual can be learned from: flows of participants and tables of risk.
"""

from __future__ import annotations

import re

from journalclip_shared.records.article import Modality

_WORDS: dict[Modality, str] = {
    "CT": r"CTs?|MDCT|HRCT|CBCT|comput(?:ed|er|eri[sz]ed) tomograph\w+|hounsfield",
    "MRI": r"MRIs?|MR|fMRI|magnetic resonance|FLAIR|T[12]WI|T[12]-?weighted|DWI|ADC|SWI|gadolinium|tractograph\w+|DTI",
    "angiography": r"angiogra\w+|angiogram\w*|CTA|MRA|DSA|arteriogra\w+|venogra\w+",
    "X-ray": r"x-?rays?|radiogra\w+|roentgen\w*|fluoroscop\w+|orthopantomogra\w+|mammogra\w+|cystogra\w+|urogra\w+",
    "ultrasound": r"ultraso\w+|sonogra\w+|echocardiogra\w+|doppler|EUS",
    "nuclear": r"PET|SPECT|scintigra\w+|FDG|bone scan",
    "histology": r"histolog\w+|histopatholog\w+|photomicrogra\w+|micrograph\w*|microscop\w+|immunohistochem\w+|"
    r"ha?ematoxylin|H&E|HE stain\w*|stain\w*|immunofluoresc\w+|electron micro\w+|SEM|TEM|cytolog\w+|biopsy|TUNEL|"
    r"scratch|wound healing|transwell|confocal",
    "endoscopy": r"endoscop\w+|colonoscop\w+|laparoscop\w+|bronchoscop\w+|cystoscop\w+|arthroscop\w+|gastroscop\w+",
    "photograph": r"photograph\w*|photos?|gross (?:appearance|specimen)|clinical (?:appearance|picture|image|view)|"
    r"intra-?operative (?:view|image|finding)s?|intra-?oral|extra-?oral|preoperative view|"
    r"incision|excision|skin lesions?",
    "diagram": r"flow ?-?charts?|flow diagram|diagrams?|schem(?:e|a|es|atic\w*)|illustration|drawing|framework|"
    r"algorithm|structures? of|chemical structures?|pathways?|mechanisms? of|map of|map showing|phylogen\w+|"
    r"dendrogram|cladogram|PRISMA|CONSORT|SPIRIT|trial (?:profile|design)|study design|overview|timeline|workflow|"
    r"protocols?|cartoon|key merits|neighbou?r-joining|crystal structures?|venn",
    "chart": r"plots?|graphs?|curves?|bars?|histogram\w*|kaplan|forest|funnel|scatter\w*|distribution|regression|"
    r"correlation|chromatogram\w*|spectr(?:a|um)|means? ?(?:±|\+)|box ?plot\w*|heat ?maps?|ROC|frequency|concentration|"
    r"error bars|IC50|percentages?|comparison",
}  # fmt: skip
_PATTERNS = {modality: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for modality, words in _WORDS.items()}
# Abbreviations that are also words, or parts of other things, in lower case.
_PATTERNS["MRI"] = re.compile(rf"\b(?:{_WORDS['MRI'].replace('|MR|', '|')})\b|\bMR\b(?! ?=)")

_IDLE = re.compile(
    r"\b(?:PRISMA|flow of trials|trial flow|recruitment and inclusion|CONSORT|"
    r"flow ?-?(?:chart|diagram)|flow of (?:participants|patients|studies|trials)|risk of bias|"
    r"trial profile|study selection|participant (?:flow|recruitment)|enrol+ment|SPIRIT|study flow|randomi[sz]ed design|"
    r"selection process|overview of systematic)\b",
    re.IGNORECASE,
)

SCANS: frozenset[Modality] = frozenset(
    {"CT", "MRI", "angiography", "X-ray", "ultrasound", "nuclear", "histology", "endoscopy"}
)
DRAWN: frozenset[Modality] = frozenset({"chart", "diagram"})


def named(caption: str) -> list[Modality]:
    """The modalities a caption names, in order of first mention."""
    found = ((match.start(), modality) for modality, each in _PATTERNS.items() if (match := each.search(caption)))
    return [modality for _, modality in sorted(found)]


def is_idle(caption: str) -> bool:
    """Does it announce a flow of participants or a table of risk?"""
    return bool(_IDLE.search(caption[:_OPENING]))


_OPENING = 160  # characters: what a figure is stands at its caption's start
