"""Structuring: captions and reports in; structured records out."""
