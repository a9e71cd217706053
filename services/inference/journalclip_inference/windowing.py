"""`journalclip_modeling.foreign_pictures` with the refusals of this service."""

from __future__ import annotations

from PIL import Image

from journalclip_inference.errors import ImageRefused
from journalclip_modeling import foreign_pictures


def eight_bit(image: Image.Image, side: int = 0) -> tuple[Image.Image, str | None]:
    """The picture with eight bits a channel, and what was done to its values, where something was.

    A picture with transparency that is several times larger than ``side`` is made smaller before it is laid on white.
    Raises `ImageRefused` ``image-not-finite`` for values that are no numbers.
    """
    try:
        return foreign_pictures.eight_bit(image, side)
    except foreign_pictures.NotFinite as error:
        raise ImageRefused("image-not-finite", str(error), "Replace NaN and infinite values.") from error
