"""A PDF as it comes from a scanner: each page one grey image with noise, no text."""

from __future__ import annotations

import io

import numpy as np
import pymupdf
from PIL import Image

DPI = 200
_PAPER, _CONTRAST, _NOISE = 6.0, 0.92, 4.0  # grey levels, share, grey levels


def as_scan(pdf: bytes, dpi: int = DPI, seed: int = 0) -> bytes:
    """Print and scan; the same seed gives the same pixels."""
    rng = np.random.default_rng(seed)
    with pymupdf.open(stream=pdf, filetype="pdf") as printed, pymupdf.open() as scan:
        for page in printed:
            pixels = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
            grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)[:, : pixels.width]
            noisy = grey * _CONTRAST + _PAPER + rng.normal(0, _NOISE, grey.shape)
            out = io.BytesIO()
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=75)
            sheet = scan.new_page(width=page.rect.width, height=page.rect.height)
            sheet.insert_image(sheet.rect, stream=out.getvalue())
        data: bytes = scan.tobytes(no_new_id=True)
    return data
