"""One picture with its caption, without the article around it: what ``journalclip figures read`` asks the sandbox for.

The picture is read as an article of one figure by the functions that read a PDF's figures, so the answers are the same.
"""

from __future__ import annotations

import io
import json
from typing import Literal

from PIL import Image

from journalclip_extraction import panels
from journalclip_extraction.article import Crop, ExtractOptions, ReadArticle, ReadDelivery, ReadFigure
from journalclip_extraction.bundle.pictures import BROKEN, saved
from journalclip_extraction.panels import with_panels_of
from journalclip_extraction.quality import appraise
from journalclip_extraction.quality.pictures import prepare
from journalclip_shared.errors import PermanentError
from journalclip_shared.ids import Json
from journalclip_shared.records.article import ArticleFacts, Box, PictureContent

READER = "journalclip_extraction.single:read_picture"
MOST_PIXELS = 60_000_000
_TYPES: dict[str, Literal["image/jpeg", "image/png"]] = {"JPEG": "image/jpeg", "PNG": "image/png"}

prepare()  # before the sandbox forks: its child opens no file
panels.prepare()


def packed(label: str, caption: str, picture: bytes) -> bytes:
    """What `read_picture` takes: a line of JSON, then the picture's bytes."""
    return json.dumps({"label": label, "caption": caption}).encode() + b"\n" + picture


def read_picture(data: bytes, options: ExtractOptions) -> ReadDelivery:
    """A delivery of one article with one figure, boxes in pixels. Raises `PermanentError` ``picture-unreadable``."""
    head, _, picture = data.partition(b"\n")
    said = json.loads(head)
    crop = _opened(picture)
    box = Box(x0=0, y0=0, x1=crop.width, y1=crop.height)
    figure = ReadFigure("", said["label"], said["caption"], 1, 1, box, crop=crop)
    figure = appraise(with_panels_of(figure, crop), options.quality_model)
    return ReadDelivery((ReadArticle(0, ArticleFacts(), (figure,)),), 0)


def _opened(picture: bytes) -> Crop:
    """JPEG and PNG as they are, others as PNG."""
    try:
        image = Image.open(io.BytesIO(picture))
        if image.width * image.height > MOST_PIXELS:
            raise PermanentError("picture-too-large", f"{image.width} x {image.height} pixels", "Reduce it.")
        image.load()
        if image.format in _TYPES and image.mode in ("L", "RGB"):
            return Crop(picture, _TYPES[image.format], *image.size)
        return saved(image.convert("RGB"), lossy=False)
    except BROKEN as error:
        raise PermanentError("picture-unreadable", str(error), "Give a JPEG or PNG.") from error


def answer(file: str, delivery: ReadDelivery, content: PictureContent | None = None) -> dict[str, Json]:
    """The row that ``figures read`` prints; ``content`` in place of what the shipped classifier says."""
    figure = delivery.articles[0].figures[0]
    content = content or figure.content
    if content is None:
        return {"file": file, "error": "the picture was not read"}
    return {
        "file": file,
        "kind": content.kind,
        "modality": [*content.modalities],
        "useful": "yes" if content.useful else "no",
        "marks": None if content.marks is None else ("yes" if content.marks else "no"),
        "panels": [
            {
                "letter": panel.letter,
                "box": [round(each) for each in (panel.box.x0, panel.box.y0, panel.box.x1, panel.box.y1)],
                "text": panel.subcaption,
            }
            for panel in figure.panels
        ],
    }
