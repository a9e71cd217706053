"""Synthetic studies as files, with ``truth.json`` beside them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from journalclip_pipelines.studies.reports import report_of
from journalclip_synthetic.studies import draw_study, draw_truth
from journalclip_synthetic.studies.dicom import DicomOptions
from journalclip_synthetic.studies.folders import Layout, write_study
from journalclip_synthetic.studies.identifiers import planted

_GLIOMAS = ("glioblastoma", "glioma")


@dataclass(frozen=True)
class SynthesizeOptions:
    """How studies are written."""

    layout: Layout = "dicom"
    seed: int = 0
    size: int = 96
    slices: int = 24
    identifiers: bool = False
    burned_in: str = ""


def synthesize_studies(folder: Path, count: int, options: SynthesizeOptions) -> dict[str, int]:
    """How often each fact was written. BraTS folders hold gliomas only, half of each grade."""
    folder.mkdir(parents=True, exist_ok=True)
    truths, facts = [], Counter[str]()
    for number in range(count):
        truth = draw_truth(number, options.seed)
        if options.layout == "brats":
            truth = draw_truth(number, options.seed, kinds=_GLIOMAS, normal=0.0)
        dicom = DicomOptions(
            planted=planted(np.random.default_rng((options.seed, number, 1))) if options.identifiers else None,
            burned_in=options.burned_in if number % 5 == 4 else "",
        )
        path = write_study(draw_study(truth, options.size, options.slices), folder, options.layout, report_of, dicom)
        truths.append({"folder": str(path.relative_to(folder)), "fact": truth.fact, "truth": asdict(truth)})
        facts[truth.fact] += 1
    (folder / "truth.json").write_text(json.dumps(truths, indent=1))
    return dict(facts)
