"""Texts with their right answers, shown to a general model before the text that it is asked about.

They show what is easily got wrong: a denial that ends within a sentence, a hedge, a left of the page, a finding seen on
some sequences. All are invented; a test reads each answer as it would a model's.
"""

from __future__ import annotations

import json
from typing import Any, Final

from journalclip_structuring.structurer import Kind

_FIELDS: Final = ("modality", "sequence", "plane", "anatomy", "laterality", "procedure", "stage", "findings")


def _coded(term: str, quote: str) -> dict[str, Any]:
    return {"term": term, "quote": quote}


def _finding(
    term: str, quote: str, site: str | None, side: str | None, negated: bool = False, certainty: str = "certain"
) -> dict[str, Any]:
    return _coded(term, quote) | {"negated": negated, "certainty": certainty, "site": site, "laterality": side}


def _caption(**said: list[dict[str, Any]]) -> str:
    return json.dumps({name: said.get(name, []) for name in _FIELDS}, separators=(",", ":"))


EXAMPLES: Final[dict[Kind, tuple[tuple[str, str], ...]]] = {
    "caption": (
        (
            "Left panel: axial T2-weighted image without hydrocephalus, showing a cyst of the right thalamus.",
            _caption(
                modality=[_coded("MRI", "T2-weighted")],
                sequence=[_coded("T2WI", "T2-weighted")],
                plane=[_coded("axial", "axial")],
                anatomy=[_coded("thalamus", "thalamus")],
                laterality=[_coded("right", "right")],
                findings=[
                    _finding("hydrocephalus", "hydrocephalus", None, None, negated=True),
                    _finding("cyst", "cyst", "thalamus", "right"),
                ],
            ),
        ),
        (
            "Postoperative CT of a right-handed man. An abscess cannot be excluded; body mass index 31.",
            _caption(
                modality=[_coded("CT", "CT")],
                stage=[_coded("postoperative", "Postoperative")],
                findings=[_finding("abscess", "abscess", None, None, certainty="possible")],
            ),
        ),
    ),
    "report": (
        (
            "FLAIR and DWI: hyperintense infarct in the left thalamus, 8 mm, dark on ADC. No hydrocephalus.",
            '{"q":["FLAIR","DWI","ADC"],"f":[{"t":"infarct","l":"left","s":"thalamus","z":"8mm","o":{"FLAIR":'
            '"hyperintense","DWI":"hyperintense","ADC":"hypointense"}},{"t":"hydrocephalus","n":1}]}',
        ),
    ),
}
