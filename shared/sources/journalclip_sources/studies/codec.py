"""How studies cross the sandbox's pipe: one JSON frame, then the volumes (and the review picture) that it counts.

As with articles nothing is unpickled, and every volume must be a gzip by its magic; the service opens none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from journalclip_shared.errors import PermanentError
from journalclip_sources.sandbox.codec import child_error
from journalclip_sources.sandbox.frames import BadFrames
from journalclip_sources.studies.heads import FileFacts, SurveyOptions
from journalclip_sources.studies.normalise import GridVolume, NormalisedStudy, NormaliseOptions
from journalclip_sources.studies.options import DeidentifyOptions
from journalclip_sources.studies.read import ReadStudy

_GZIP, _PNG = b"\x1f\x8b", b"\x89PNG\r\n\x1a\n"
Body = TypeVar("Body")


@dataclass(frozen=True)
class _Answer(Generic[Body]):
    """One of the two is there."""

    body: Body | None = None
    error: tuple[str, str, str] | None = None

    def content(self) -> Body:
        """Raises `BadFrames` where there is none."""
        if self.body is None:
            raise BadFrames("the answer is neither a study nor an error")
        return self.body


_SURVEYED = TypeAdapter(_Answer[tuple[FileFacts, ...]])
_READ = TypeAdapter(_Answer[ReadStudy])
_NORMALISED = TypeAdapter(_Answer[NormalisedStudy])


class ReadStudyCodec:
    """`read.read_study`: the key travels as hexadecimal digits."""

    def encode_options(self, options: DeidentifyOptions) -> bytes:
        plain = replace(options, key=options.key.hex().encode())
        return TypeAdapter(DeidentifyOptions).dump_json(plain)

    def decode_options(self, data: bytes) -> DeidentifyOptions:
        plain = TypeAdapter(DeidentifyOptions).validate_json(data)
        return replace(plain, key=bytes.fromhex(plain.key.decode()))

    def encode(self, result: ReadStudy) -> list[bytes]:
        bare = replace(result, review=b"", series=tuple(replace(each, nifti=b"") for each in result.series))
        return [_READ.dump_json(_Answer(bare)), result.review, *(each.nifti for each in result.series)]

    def decode(self, frames: Sequence[bytes]) -> ReadStudy | PermanentError:
        """Raises `BadFrames`."""
        answer, blobs = _answered(_READ, frames)
        if answer.error is not None:
            return child_error(*answer.error)
        found = answer.content()
        review, *volumes = blobs or [b""]
        if review and not review.startswith(_PNG):
            raise BadFrames("the review picture is no PNG")
        _check(volumes, len(found.series))
        series = tuple(replace(each, nifti=blob) for each, blob in zip(found.series, volumes, strict=True))
        return replace(found, series=series, review=review)


class NormaliseCodec:
    """`normalise.normalise_study`."""

    def encode_options(self, options: NormaliseOptions) -> bytes:
        return TypeAdapter(NormaliseOptions).dump_json(options)

    def decode_options(self, data: bytes) -> NormaliseOptions:
        return TypeAdapter(NormaliseOptions).validate_json(data)

    def encode(self, result: NormalisedStudy) -> list[bytes]:
        labels = [] if result.labels is None else [result.labels]
        volumes = tuple(replace(each, nifti=b"") for each in result.volumes)
        bare = NormalisedStudy(volumes, b"" if labels else None)
        return [_NORMALISED.dump_json(_Answer(bare)), *(each.nifti for each in result.volumes), *labels]

    def decode(self, frames: Sequence[bytes]) -> NormalisedStudy | PermanentError:
        """Raises `BadFrames`."""
        answer, blobs = _answered(_NORMALISED, frames)
        if answer.error is not None:
            return child_error(*answer.error)
        found = answer.content()
        count, labelled = len(found.volumes), found.labels is not None
        _check(blobs, count + labelled)
        volumes = tuple(_with(each, blob) for each, blob in zip(found.volumes, blobs[:count], strict=True))
        return NormalisedStudy(volumes, blobs[count] if labelled else None)


class SurveyCodec:
    """`heads.survey_files`."""

    def encode_options(self, options: SurveyOptions) -> bytes:
        return TypeAdapter(SurveyOptions).dump_json(options)

    def decode_options(self, data: bytes) -> SurveyOptions:
        return TypeAdapter(SurveyOptions).validate_json(data)

    def encode(self, result: tuple[FileFacts, ...]) -> list[bytes]:
        return [_SURVEYED.dump_json(_Answer(result), exclude_defaults=True)]

    def decode(self, frames: Sequence[bytes]) -> tuple[FileFacts, ...] | PermanentError:
        """Raises `BadFrames`."""
        answer, _ = _answered(_SURVEYED, frames)
        return child_error(*answer.error) if answer.error is not None else answer.content()


SURVEY = SurveyCodec()
READ_STUDIES = ReadStudyCodec()
NORMALISE = NormaliseCodec()


def _answered(adapter: TypeAdapter[_Answer[Body]], frames: Sequence[bytes]) -> tuple[_Answer[Body], list[bytes]]:
    if not frames:
        raise BadFrames("no answer")
    try:
        answer = adapter.validate_json(frames[0])
    except ValidationError as error:
        raise BadFrames(f"the answer does not fit its types: {error.error_count()} errors") from error
    return answer, list(frames[1:])


def _check(blobs: Sequence[bytes], expected: int) -> None:
    if len(blobs) != expected or any(not blob.startswith(_GZIP) for blob in blobs):
        raise BadFrames(f"{len(blobs)} volumes where {expected} are announced, or one that is no gzip")


def _with(volume: GridVolume, blob: bytes) -> GridVolume:
    return replace(volume, nifti=blob)
