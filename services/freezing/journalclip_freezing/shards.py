"""A block as bytes: Parquet records and WebDataset tar shards of images that were resized once.

Byte-for-byte deterministic: pairs of a block are sorted by id, tar headers carry no time, owner or machine, and images
are encoded by Pillow with fixed settings. The training loader then never touches an original figure.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import ArticleFacts
from journalclip_shared.records.dataset import Block
from journalclip_shared.records.pair import Pair

PAIRS_A_SHARD = 1000  # about 20 MB at 256 pixels: large enough to stream, small enough to shuffle and to retry
PAIRS_A_BLOCK = 5000  # of whole articles; about so many are in memory while a freeze writes
_QUALITY = 90  # visually lossless for figures at training size
_WORKERS = 2  # decoding releases the GIL; more threads than this only cost memory


@dataclass(frozen=True)
class Member:
    """A pair with its article's file name and facts."""

    pair: Pair
    name: str
    facts: ArticleFacts


Failed = Callable[[Member, PermanentError], None]


def write_block(
    store: ArtifactStore,
    members: Sequence[Member],
    image_size: int,
    tick: Callable[[], None],
    failed: Failed,
) -> Block:
    """Store records and shards of these pairs, in this order.

    ``tick`` is called once a pair, ``failed`` for an unreadable picture.
    """
    shards = []
    for start in range(0, len(members), PAIRS_A_SHARD):
        chunk = members[start : start + PAIRS_A_SHARD]
        shards.append(store.put("datasets", _shard(store, chunk, image_size, tick, failed), "application/x-tar"))
    return Block(members=len(members), records=_records(store, members), shards=tuple(shards))


def shard_jpeg(data: bytes, image_size: int) -> bytes:
    """The image with its longer side at most ``image_size`` pixels, as RGB JPEG."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (image_size, image_size))  # lets the JPEG decoder skip detail that is thrown away anyway
        rgb = image.convert("RGB")
    rgb.thumbnail((image_size, image_size), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    rgb.save(out, "JPEG", quality=_QUALITY, subsampling=0)
    return out.getvalue()


def _shard(
    store: ArtifactStore, members: Sequence[Member], image_size: int, tick: Callable[[], None], failed: Failed
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member, jpeg in _encoded(store, members, image_size):
            if isinstance(jpeg, PermanentError):
                failed(member, jpeg)
                continue
            _add(tar, f"{member.pair.pair_id}.jpg", jpeg)
            _add(tar, f"{member.pair.pair_id}.json", member.pair.canonical())
            tick()
    return out.getvalue()


def _encoded(
    store: ArtifactStore, members: Sequence[Member], image_size: int
) -> Iterator[tuple[Member, bytes | PermanentError]]:
    def encode(member: Member) -> bytes | PermanentError:
        pair = member.pair
        try:
            data = store.get(pair.image)
        except PermanentError as error:
            return error
        try:
            return shard_jpeg(data, image_size)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # no picture, for Pillow
            return PermanentError("picture-unreadable", f"{pair.image.uri} does not open: {error}", "")

    with ThreadPoolExecutor(_WORKERS) as pool:
        yield from zip(members, pool.map(encode, members), strict=True)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # time 0, owner 0: nothing of this machine
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _records(store: ArtifactStore, members: Sequence[Member]) -> ArtifactRef:
    rows = [row_of(each.pair, each.name, each.facts) for each in members]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), out, compression="zstd")
    return store.put("datasets", out.getvalue(), "application/vnd.apache.parquet")


_COLUMNS = (
    "pair_id", "article_id", "figure_id", "panel_id", "label", "text", "modality", "licence", "image_uri",
    "title", "authors", "journal", "year", "doi", "licence_version", "licence_url", "name", "pair",
)  # fmt: skip
_SCHEMA = pa.schema([(name, pa.string()) for name in _COLUMNS])


def row_of(pair: Pair, name: str, facts: ArticleFacts) -> dict[str, str | None]:
    """A pair's record."""
    own = pair.licence == facts.licence  # a figure under terms of its own does not take the article's version
    return {
        "pair_id": pair.pair_id,
        "article_id": pair.article_id,
        "figure_id": pair.figure_id,
        "panel_id": pair.panel_id,
        "label": pair.label,
        "text": pair.text,
        "modality": pair.modality,
        "licence": pair.licence,
        "image_uri": pair.image.uri,
        "title": facts.title.value,
        "authors": "; ".join(facts.authors) or None,
        "journal": facts.journal.value,
        "year": facts.year.value,
        "doi": facts.doi.value,
        "licence_version": facts.licence_version if own else None,
        "licence_url": facts.licence_url if own else None,
        "name": name,
        "pair": pair.canonical().decode(),
    }
