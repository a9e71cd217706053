"""The judgement of one figure: rules, or a trained model over the same measurements.

Refusals by rule (too small, blank, a strip) hold whatever a model says: no label teaches what has no content. Every
judgement names what made it, and every rejection its reason.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from PIL import Image

from journalclip_extraction.article import ReadFigure, ReadPanel
from journalclip_extraction.quality import model as models
from journalclip_extraction.quality.features import Vector, measure
from journalclip_extraction.quality.fingerprint import fingerprint
from journalclip_extraction.quality.phash import phash
from journalclip_extraction.quality.pictures import look, see
from journalclip_extraction.quality.rules import BY, rule
from journalclip_shared.records.article import Modality, PictureContent, Quality, Usefulness


def judge(
    image: Image.Image | None,
    caption: str,
    model: str = "",
    size: tuple[int, int] | None = None,
    measured: Vector | None = None,
) -> tuple[Quality, Modality, str]:
    """Quality, modality, and what said so. ``model`` is a `QualityModel` as JSON; ``size`` the figure's own pixels;
    ``measured`` the numbers of `measure`, where they are known.
    """
    if image is None:
        return (
            Quality(usefulness="discard", score=1.0, by=BY, reason="no image was found for this caption"),
            "unknown",
            BY,
        )
    measured = measure(image, size or image.size) if measured is None else measured
    ruled = rule(size or image.size, measured, caption)
    if not model or ruled.absolute:
        return ruled.quality, ruled.modality, BY
    (useful, surety), (modality, _) = _parse(model).judge(models.inputs_of(measured, caption))
    by = models.version(model)
    reason = f"judged {useful} with {surety:.0%}" if useful == "discard" else ""
    return Quality(usefulness=useful, score=round(surety, 3), by=by, reason=reason), modality, by


def appraise(figure: ReadFigure, model: str = "") -> ReadFigure:
    """The figure with quality, modality, perceptual hash and fingerprint; its panels with theirs."""
    if figure.crop is None:
        return figure
    image = figure.crop.look
    size = (figure.crop.width, figure.crop.height)
    shown = see(image, size)
    content = look(shown, figure.caption, lettered=figure.lettered)
    quality, modality, by = judge(image, figure.caption, model, size, shown.measured)
    if not model:
        quality, modality, by = seen(content, quality, modality)
    panels = tuple(_appraised(panel, figure.caption) for panel in figure.panels)
    continued = tuple(replace(part, phash=phash(part.crop.look)) if part.crop else part for part in figure.continued)
    return replace(
        figure,
        quality=quality,
        modality=modality,
        modality_by=by,
        content=content,
        phash=phash(image),
        fingerprint=fingerprint(image, shown.network),
        panels=panels,
        continued=continued,
    )


def seen(content: PictureContent, ruled: Quality, modality: Modality) -> tuple[Quality, Modality, str]:
    """The classifier's word where the rules find something to look at; what has no content stays discarded."""
    if ruled.usefulness == "discard":
        return ruled, modality, BY
    useful: Usefulness = "imaging" if content.useful else "other"
    return Quality(usefulness=useful, score=content.useful_score, by=content.by), _shown(content, modality), content.by


def _shown(content: PictureContent, ruled: Modality) -> Modality:
    """The kind and modality as one word; of a mixed figure, what its caption names first."""
    if content.kind == "radiology":
        return _RADIOLOGY.get(content.modalities[0], "other") if content.modalities else "unknown"
    if content.kind == "mixed":
        return ruled
    return _KINDS.get(content.kind, "other")


_RADIOLOGY: dict[str, Modality] = {
    "CT": "CT", "MR": "MRI", "X-ray": "X-ray", "ultrasound": "ultrasound", "angiography": "angiography",
    "PET": "nuclear", "SPECT": "nuclear", "fluoroscopy": "X-ray",
}  # fmt: skip
_KINDS: dict[str, Modality] = {
    "microscopy": "histology", "endoscopy": "endoscopy", "photograph": "photograph", "chart": "chart",
    "diagram": "diagram",
}  # fmt: skip


def _appraised(panel: ReadPanel, caption: str) -> ReadPanel:
    """A panel with its hash and content; its own words vote, or the figure's where it has none."""
    if panel.crop is None:
        return panel
    image = panel.crop.look
    shown = see(image, (panel.crop.width, panel.crop.height))
    return replace(
        panel,
        phash=panel.phash or phash(image),
        fingerprint=fingerprint(image, shown.network),
        content=look(shown, panel.text or caption),
    )


_parse = functools.lru_cache(maxsize=4)(models.parse)
