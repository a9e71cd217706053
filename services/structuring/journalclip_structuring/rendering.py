"""A record as plain sentences: the text that training may use instead of, or beside, the printed caption.

Equal records give equal text, whatever words they were coded from, so that two captions that say the same read the
same. A negated finding reads "no ...", a hedged one "possible ..." or "probable ...".
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_shared.records.caption import CaptionRecord, Coded, Finding
from journalclip_shared.records.report import ReportFinding, Size


def render_caption(record: CaptionRecord) -> str:
    """One line such as ``Preoperative axial T2WI MRI of the left temporal lobe: probable glioma; no edema.``"""
    view = [*_terms(record.stage), *_terms(record.plane), *_terms(record.sequence), *_terms(record.modality)]
    where = [*_terms(record.laterality), *_terms(record.anatomy)]
    head = " ".join(view) or ("image" if where else "")
    if where:
        sides, sites = (" and ".join(_terms(values)) for values in (record.laterality, record.anatomy))
        head += f" of the {sides} {sites or 'side'}" if sides else f" of the {sites}"
    parts = [head, "; ".join(render_finding(finding) for finding in record.findings)]
    line = ": ".join(part for part in parts if part)
    if record.procedure:
        line = "; ".join(part for part in (line, "procedure: " + ", ".join(_terms(record.procedure))) if part)
    return f"{line[0].upper()}{line[1:]}." if line else ""


def render_finding(finding: Finding) -> str:
    """``no edema``, ``possible infarct in the left thalamus``, with signal and size where a report gives them."""
    words = ["no"] if finding.negated else []
    if finding.certainty != "certain":
        words.append(finding.certainty)
    if isinstance(finding, ReportFinding):
        words += _attributes(finding)
    words.append(finding.term)
    place = " ".join(part for part in (finding.laterality, finding.site) if part)
    if place:
        words.append(f"in the {place}")
    if isinstance(finding, ReportFinding):
        words += _consequences(finding)
    return " ".join(words)


def _attributes(finding: ReportFinding) -> list[str]:
    count = "" if finding.count is None else str(finding.count)
    size = render_size(finding.size) if finding.size else ""
    return [part for part in (count, finding.signal or "", finding.shape or "", size) if part]


def _consequences(finding: ReportFinding) -> list[str]:
    words = []
    if finding.enhancement:
        words.append(f"with {finding.enhancement} enhancement".replace("none", "no"))
    if finding.mass_effect:
        words.append(f"with {finding.mass_effect} mass effect".replace("none", "no"))
    return words


def render_size(size: Size) -> str:
    return " x ".join(f"{value:g}" for value in size.values) + f" {size.unit}"


def _terms(values: Sequence[Coded]) -> list[str]:
    return [value.term for value in values]
