"""How a study's sequences compare with candidate findings: one cosine a sequence and finding, and the picture of it.

The texts are worded as descriptions are ("FLAIR: infarct."), since that is what the model was trained beside. A high
value says that the model places the two together; it is no probability and no diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from journalclip_modeling.studies.encoder import StudyEncoder, StudyVectors
from journalclip_shared.records.report import SequenceName

CANDIDATES = (
    "no abnormality", "glioblastoma", "glioma", "meningioma", "metastasis", "infarct", "hemorrhage", "abscess",
    "demyelinating plaque", "arachnoid cyst",
)  # fmt: skip
_CELL, _LEFT, _TOP = 64, 190, 44  # pixels


@dataclass(frozen=True)
class Comparison:
    """Cosines [finding][sequence]."""

    findings: tuple[str, ...]
    sequences: tuple[SequenceName, ...]
    cosines: tuple[tuple[float, ...], ...]


def compare(encoder: StudyEncoder, study: StudyVectors, candidates: Sequence[str] = CANDIDATES) -> Comparison:
    """Every candidate against every sequence that is there."""
    sequences = tuple(study.sequences)
    texts = [f"{sequence}: {finding}." for finding in candidates for sequence in sequences]
    vectors = encoder.embed_texts(texts).reshape(len(candidates), len(sequences), -1)
    cosines = tuple(
        tuple(float(vectors[f, s] @ study.sequences[name]) for s, name in enumerate(sequences))
        for f in range(len(candidates))
    )
    return Comparison(tuple(candidates), sequences, cosines)


def draw(found: Comparison) -> str:
    """An SVG heat map, findings down and sequences across; darker is nearer, every cell holds its number."""
    values = [value for row in found.cosines for value in row]
    low, high = min(values), max(values)
    width, height = _LEFT + _CELL * len(found.sequences) + 12, _TOP + 26 * len(found.findings) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        "<title>Similarity of each sequence to candidate findings</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for s, name in enumerate(found.sequences):
        x = _LEFT + _CELL * s + _CELL / 2
        parts.append(f'<text x="{x}" y="{_TOP - 12}" text-anchor="middle" font-weight="600">{escape(name)}</text>')
    for f, finding in enumerate(found.findings):
        y = _TOP + 26 * f
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 18}" text-anchor="end">{escape(finding[:28])}</text>')
        for s, value in enumerate(found.cosines[f]):
            share = (value - low) / max(1e-9, high - low)
            shade = [round(247 + share * (end - 247)) for end in (8, 69, 148)]
            ink, fill = "#fff" if share > 0.55 else "#111", f"rgb({shade[0]},{shade[1]},{shade[2]})"
            x = _LEFT + _CELL * s
            parts.append(f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="24" rx="3" fill="{fill}"/>')
            parts.append(
                f'<text x="{x + _CELL / 2 - 1}" y="{y + 17}" text-anchor="middle" fill="{ink}">{value:.2f}</text>'
            )
    parts.append(
        f'<text x="12" y="{height - 10}" fill="#555" font-size="11">'
        "Cosines of embeddings; no probability, no diagnosis.</text></svg>"
    )
    return "\n".join(parts)
