"""How a delivery crosses the sandbox's pipe: one JSON frame, then the encoded images that the JSON counts.

In the JSON each image's ``data`` is the index of its frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from journalclip_extraction.article import (
    Crop,
    ExtractOptions,
    ReadArticle,
    ReadDelivery,
    ReadFigure,
    ReadPanel,
    ReadPart,
)
from journalclip_shared.errors import PermanentError
from journalclip_sources.sandbox.codec import child_error
from journalclip_sources.sandbox.frames import BadFrames


@dataclass(frozen=True)
class _Answer:
    """One of the two is there."""

    delivery: ReadDelivery | None = None
    error: tuple[str, str, str] | None = None  # code, reason, remedy


_ANSWER = TypeAdapter(_Answer)
_OPTIONS = TypeAdapter(ExtractOptions)
_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


def encode_options(options: ExtractOptions) -> bytes:
    return _OPTIONS.dump_json(options)


def decode_options(data: bytes) -> ExtractOptions:
    return _OPTIONS.validate_json(data)


def encode_delivery(delivery: ReadDelivery) -> list[bytes]:
    images: list[bytes] = []

    def detach(crop: Crop) -> Crop:
        images.append(crop.data)
        return replace(crop, data=str(len(images) - 1).encode())

    return [_ANSWER.dump_json(_Answer(delivery=_map_delivery(delivery, detach))), *images]


def decode(frames: Sequence[bytes]) -> ReadDelivery | PermanentError:
    """The child's answer. Raises `BadFrames` for anything that `encode_delivery` or `encode_error` cannot have made."""
    if not frames:
        raise BadFrames("no answer")
    try:
        answer = _ANSWER.validate_json(frames[0])
    except ValidationError as error:
        raise BadFrames(f"the answer does not fit its types: {error.error_count()} errors") from error
    if answer.error is not None:
        return child_error(*answer.error)
    if answer.delivery is None:
        raise BadFrames("the answer is neither a delivery nor an error")
    images = frames[1:]

    def attach(crop: Crop) -> Crop:
        if not crop.data.isdigit() or int(crop.data) >= len(images):
            raise BadFrames("an image refers to a frame that is not there")
        data = images[int(crop.data)]
        if not data.startswith(_MAGIC[crop.media_type]):
            raise BadFrames(f"an image is not {crop.media_type}")
        return replace(crop, data=data)

    return _map_delivery(answer.delivery, attach)


class ArticleCodec:
    """The codec of deliveries."""

    def encode_options(self, options: ExtractOptions) -> bytes:
        return encode_options(options)

    def decode_options(self, data: bytes) -> ExtractOptions:
        return decode_options(data)

    def encode(self, result: ReadDelivery) -> list[bytes]:
        return encode_delivery(result)

    def decode(self, frames: Sequence[bytes]) -> ReadDelivery | PermanentError:
        return decode(frames)


ARTICLES = ArticleCodec()


def _map_delivery(delivery: ReadDelivery, change: Callable[[Crop], Crop]) -> ReadDelivery:
    return replace(delivery, articles=tuple(_map_crops(each, change) for each in delivery.articles))


def _map_crops(article: ReadArticle, change: Callable[[Crop], Crop]) -> ReadArticle:
    def of(crop: Crop | None) -> Crop | None:
        return None if crop is None else change(crop)

    def panel(each: ReadPanel) -> ReadPanel:
        return replace(each, crop=of(each.crop))

    def part(each: ReadPart) -> ReadPart:
        return replace(each, crop=of(each.crop))

    def figure(each: ReadFigure) -> ReadFigure:
        panels, continued = tuple(map(panel, each.panels)), tuple(map(part, each.continued))
        return replace(each, crop=of(each.crop), panels=panels, continued=continued)

    return replace(article, figures=tuple(figure(each) for each in article.figures))
