"""Retrieval examples as one picture, for the run's record: each row a text and the pictures found first."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from journalclip_modeling.folder import ClipFolder
from journalclip_training.reference import similarities
from journalclip_training.samples import Samples

TILE, TEXT, FOUND = 128, 300, 4  # pixels, pixels, pictures a row
ROWS = 6


def draw_examples(model: ClipFolder, samples: Samples, path: Path) -> None:
    """The right picture has a green frame."""
    similarity = similarities(model, samples)
    rows = np.linspace(0, len(samples) - 1, min(ROWS, len(samples))).astype(np.int64)
    sheet = Image.new("RGB", (TEXT + FOUND * TILE, len(rows) * TILE), "white")
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        draw.multiline_text(
            (4, y * TILE + 4), textwrap.fill(textwrap.shorten(samples.texts[row], 200), 44), fill="black"
        )
        draw.rectangle((TEXT, y * TILE, sheet.width, (y + 1) * TILE), fill="white")
        best = np.argsort(-similarity[:, row])[:FOUND].astype(np.int64)
        for x, (index, pixels) in enumerate(zip(best, samples.pictures.batch(best), strict=True)):
            place = (TEXT + x * TILE, y * TILE)
            tile = Image.fromarray(pixels.permute(1, 2, 0).numpy()).resize((TILE - 6, TILE - 6))
            colour = "green" if index == row else "lightgrey"
            draw.rectangle((*place, place[0] + TILE - 1, place[1] + TILE - 1), fill=colour)
            sheet.paste(tile, (place[0] + 3, place[1] + 3))
    sheet.save(path)
