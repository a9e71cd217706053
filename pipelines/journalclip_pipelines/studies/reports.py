"""Reports of synthetic studies: what a head phantom shows, said by the pseudo-report writer.

The truth becomes a `Study` (each finding once, with the sequences that show it and its signal there), the writer words
it, and a few denials stand beside it, as in a real report. So a report says everything its images show, and no more.
"""

from __future__ import annotations

from random import Random

from journalclip_structuring.pseudo.write import Writer
from journalclip_structuring.study import Study, StudyFinding
from journalclip_synthetic.studies.truth import StudyTruth

_DENIALS = ("hydrocephalus", "midline shift", "hemorrhage", "infarct", "mass", "aneurysm")


def study_of(truth: StudyTruth) -> Study:
    """The study that the truth is; the same truth gives the same study."""
    rng = Random(truth.seed)  # noqa: S311 - repeatable on purpose
    findings: list[StudyFinding] = []
    lesion = truth.lesion
    if lesion is not None:
        on = {name: lesion.signals[name] for name in truth.sequences if name in lesion.signals}
        findings.append(
            StudyFinding(
                term=lesion.kind,
                laterality=lesion.side,
                site=lesion.site,
                size=f"{lesion.size_mm}mm",
                mass_effect=lesion.mass_effect,
                enhancement=lesion.enhancement if "T1CE" in on else None,
                on=on,
            )
        )
        if lesion.oedema and (wet := {name: "hyperintense" for name in truth.sequences if name in ("T2WI", "FLAIR")}):
            findings.append(StudyFinding(term="edema", laterality=lesion.side, site=lesion.site, on=wet))
        if lesion.mass_effect == "marked":
            findings.append(StudyFinding(term="midline shift"))
    said = {finding.term for finding in findings}
    denied = [term for term in rng.sample(_DENIALS, rng.choice((0, 1, 1, 2))) if term not in said]
    return Study(
        sequences=truth.sequences,
        findings=(*findings, *(StudyFinding(term=term, negated=True) for term in denied)),
    )


def report_of(truth: StudyTruth) -> str:
    """The report's text."""
    text, _ = Writer(Random(truth.seed + 1)).write(study_of(truth))  # noqa: S311 - repeatable on purpose
    return text
