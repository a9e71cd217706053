"""Extraction: a PDF in; figures, captions, panels, mentions and article facts out."""
