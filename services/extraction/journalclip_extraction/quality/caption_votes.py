"""What a caption's words say of the picture above them: votes for a kind, and for a modality of radiology.

The words are the field's own terms. A vote is added to what the network sees in the picture, so a scan that the caption
names is one even where its grey tones are hidden under colours, and a word alone makes no scan of a drawing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from journalclip_extraction.panels.subcaptions import parse_subcaptions

_KINDS = {
    "microscopy": r"histolog\w+|histopatholog\w+|\w*micrograph\w*|microscop\w+|immunohistochem\w+|ha?ematoxylin|"
    r"H ?& ?E|stain(?:s|ed|ing)?|immunofluoresc\w+|SEM|TEM|cytolog\w+|trephine|WSIs?|whole[- ]slide|slides?|"
    r"nucle(?:us|i)|cells?|magnification|bone marrow|pathologists?",
    "endoscopy": r"endoscop\w+|colonoscop\w+|laparoscop\w+|bronchoscop\w+|cystoscop\w+|arthroscop\w+|gastroscop\w+|"
    r"polyps?|surgical|instruments?",
    "photograph": r"photograph\w*|photos?|gross|clinical (?:appearance|picture|image|view|aspect)s?|intra-?operative|"
    r"macroscopic|specimens?|skin|dermoscop\w+|dermatoscop\w+|picture of",
    "other": r"retinas?|retinal (?:image|vessel)s?|fundus|fundoscop\w+|optic (?:disk|disc|cup)|ophthalmoscop\w+|OCT|"
    r"optical coherence|exudates?|slit[- ]lamp",
    "radiology": r"CTs?|MDCT|MSCT|HRCT|CBCT|tomogra\w+|MRIs?|MR|fMRI|magnetic resonance|FLAIR|"
    r"T[12]-?(?:w|weighted|WI)?|DWI|ADC|x-?rays?|radiogra\w+|mammogra\w+|ultraso\w+|sonogra\w+|echocardiogra\w+|"
    r"\w*angiogra\w+|coronarogra\w+|PET|SPECT|scintigra\w+|cholangiogra\w+|\w*urethrogra\w+|enterograph\w+|"
    r"urogra\w+|axial|sagittal|coronal|scans?|BraTS\w*",
    "chart": r"plots?|graphs?|curves?|histogram\w*|kaplan|scatter\w*|box ?plots?\w*|ROC|electrocardiogra\w+|ECG|"
    r"t-SNE|dendrogram",
    "diagram": r"flow ?-?charts?|flow diagrams?|diagrams?|schem(?:e|a|es|atic\w*)|architectures?|framework|pipeline|"
    r"overview|workflow|conceptual\w*|modules?|blocks?|backbones?|feature maps?|embeddings?",
}  # fmt: skip
# Eyes are told from scans by words above all: a fundus is the only picture of its kind in most collections.
_KIND_WEIGHTS = {"other": 8.0, "mixed": 8.0, "chart": 1.0, "diagram": 1.0}
_KIND_WEIGHT = 2.0
_A_KIND = 2  # panels that name a kind: one word in one panel may be a turn of speech

_OF_CT_OR_MR = r"(?<!CT )(?<!MR )(?<!tomography )(?<!tomographic )(?<!resonance )"
_MODALITIES = {
    "CT": r"\w*CTs?|CTA|tomogra\w+|hounsfield",
    "MR": r"\w*MRIs?|MR|MRA|MRCP|fMRI|magnetic resonance|FLAIR|T[12](?:w|WI|H2O)?|T[12]-?\w*|DWI|ADC|BraTS\w*|"
    r"k-space|white matter hyperintensit\w+|diffusion tensor|tractogra\w+|gadolinium|dixon|enterograph\w+",
    "X-ray": r"x-?rays?|radiogra\w+|roentgen\w*|mammogra\w+|\w*-?CXR",
    "ultrasound": r"ultraso\w+|\w*sonogra\w+|echocardiogra\w+|doppler|EUS",
    "angiography": _OF_CT_OR_MR + r"(?:angiogra\w+|aortogra\w+|arteriogra\w+|venogra\w+|coronarogra\w+|DSA)",
    "PET": r"PET|FDG|positron",
    "SPECT": r"SPECT|scintigra\w+|bone scan",
    "fluoroscopy": r"fluoroscop\w+|\w*urethrogra\w+|barium|\w*esophagogra\w+|cholangiogra\w+|ERCP|defecogra\w+",
}  # fmt: skip
_MARKS = re.compile(
    r"\b(?:arrow(?:head)?s?|asterisks?|stars?|box(?:es)?|(?:en)?circle[sd]?|bounding|labell?ed|"
    r"(?:dotted|dashed) lines?|insets?)\b",
    re.IGNORECASE,
)
_MARKS_WEIGHT = 5.0  # who writes of an arrow has drawn one
_MODALITY_WEIGHT = 9.0  # above what a picture says
_LATER = 0.3  # how much less each modality counts that is named after another


def _compiled(words: dict[str, str]) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(rf"(?<!\w)(?:{each})(?!\w)", 0 if name in ("PET", "SPECT") else re.IGNORECASE)
        for name, each in words.items()
    }


_KIND_PATTERNS, _MODALITY_PATTERNS = _compiled(_KINDS), _compiled(_MODALITIES)

Votes = npt.NDArray[np.float64]


def kind_votes(caption: str, kinds: Sequence[str]) -> Votes:
    """(kinds,) logits to add."""
    named = {kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(caption)}
    if _of_two_kinds(caption):
        named.add("mixed")
    return np.array([_KIND_WEIGHTS.get(kind, _KIND_WEIGHT) if kind in named else 0.0 for kind in kinds])


def _of_two_kinds(caption: str) -> bool:
    """Do two panels and more name one kind first, and as many another?"""
    read = parse_subcaptions(caption)
    first = Counter(_first_named(part) for part in read.parts.values()) if read else Counter[str]()
    return sum(count >= _A_KIND for kind, count in first.items() if kind) > 1


def _first_named(words: str) -> str:
    places = {kind: match.start() for kind, each in _KIND_PATTERNS.items() if (match := each.search(words))}
    return min(places, key=places.__getitem__, default="")


def modality_votes(caption: str, modalities: Sequence[str]) -> Votes:
    """(modalities,) logits to add. Captions open with what is shown, so an earlier name counts more."""
    places = {name: match.start() for name, each in _MODALITY_PATTERNS.items() if (match := each.search(caption))}
    ranks = {name: sum(other < place for other in places.values()) for name, place in places.items()}
    return np.array([_MODALITY_WEIGHT / (1 + _LATER * ranks[name]) if name in ranks else 0.0 for name in modalities])


def marks_votes(caption: str, classes: Sequence[str], *, lettered: bool = False) -> Votes:
    """(classes,) logits to add: the caption speaks of arrows, or letters of panels stand in the picture."""
    said = lettered or bool(_MARKS.search(caption))
    return np.array([_MARKS_WEIGHT if said and each == "yes" else 0.0 for each in classes])
