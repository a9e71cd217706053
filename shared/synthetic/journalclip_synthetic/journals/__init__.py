"""Synthetic journal articles with known truth: real PDFs of invented medicine.

A small world of head CT and MRI, angiograms, radiographs, tissue and charts is drawn from facts; captions say what is
to be seen; figures are set with their captions on journal pages beside text, tables and furniture. The repository ships
no third-party article: the demo, the tests and the benches stand on these. Everything is a function of its seed.
"""

from __future__ import annotations

from journalclip_synthetic.journals.cases import Case, draw_case, draw_picture
from journalclip_synthetic.journals.compound import Compound, Look, Piece, draw_compound, draw_look
from journalclip_synthetic.journals.facts import CaseFacts, draw_facts
from journalclip_synthetic.journals.truth import ArticleTruth, FigureTruth, PanelTruth
from journalclip_synthetic.journals.write import write_journals

__all__ = [
    "ArticleTruth", "Case", "CaseFacts", "Compound", "FigureTruth", "Look", "PanelTruth", "Piece",
    "draw_case", "draw_compound", "draw_facts", "draw_look", "draw_picture", "write_journals",
]  # fmt: skip
