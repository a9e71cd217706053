"""A frozen dataset as others load it: Parquet for Hugging Face ``datasets``, WebDataset shards, JSON lines.

An export is a folder that describes itself: a data card, Croissant metadata with the digest of every file, and nothing
that is not in the frozen dataset. Files are written whole under their final name or not at all, in an order that never
changes, so an export that was interrupted goes on where it stopped, and the same export twice gives the same bytes.
Reading any one format back gives every pair and every image as they were frozen.
"""

from __future__ import annotations

from journalclip_pipelines.export.job import FORMATS, Exported, ExportOptions, export_dataset
from journalclip_pipelines.export.rows import FigureRows, source_of

__all__ = ["FORMATS", "ExportOptions", "Exported", "FigureRows", "export_dataset", "source_of"]
