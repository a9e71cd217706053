"""``make million``: a dataset of a million made pairs is gathered, divided, written and gone on from; how much memory?

Documents and pictures are made when they are read, and written shards are counted and let go of, so that the process
holds the freeze and not the corpus. Manifests and records are kept in a folder: the next freeze reads them. Every pair
has a caption and a hash of its own, one in a hundred shares its picture with another article, and one in ``--printed``
has a fingerprint (comparing those costs time with the square of their number). The command ends with code 1 where the
largest resident size of the process is above the limit.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from journalclip_freezing import FreezeOptions, freeze
from journalclip_shared.artifacts import ArtifactRef, Bucket, blob_ref
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.fingerprints import CODE, SIDE, encode
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.pair import Pair, StructuredArticle

MOST_KIB = 1 << 20
_PAIRS, _PICTURES, _SIDE = 9, 1000, 16
_TAR = "application/x-tar"
_WORDS = [
    "axial",
    "coronal",
    "CT",
    "MRI",
    "head",
    "shows",
    "lesion",
    "left",
    "right",
    "frontal",
    "temporal",
    "haematoma",
    "midline",
    "shift",
    "enhancing",
]


class Made(LocalArtifacts):
    """A store whose documents and pictures are made when they are read; shards are counted and not kept."""

    def __init__(self, folder: Path, printed: int) -> None:
        super().__init__(folder)
        self._printed = printed
        self.shards = 0

    def get(self, ref: ArtifactRef) -> bytes:
        kind, _, number = ref.uri.rpartition("/")
        if kind == "artifact://figures/made":
            return document(int(number), self._printed)
        if kind == "artifact://figures/picture":
            return picture(int(number))
        return super().get(ref)

    def put(self, bucket: Bucket, data: bytes, media_type: str) -> ArtifactRef:
        if media_type != _TAR:
            return super().put(bucket, data, media_type)
        self.shards += len(data)
        stands = super().put(bucket, sha256_hex(data).encode(), media_type)  # something that is there, and small
        return stands.model_copy(update={"bytes": len(data)})


def document(article: int, printed: int) -> bytes:
    """A structured article of nine pairs."""
    identity, rng = make_id("art", str(article)), random.Random(article)  # noqa: S311 - no secret
    source = blob_ref("articles", sha256_hex(identity.encode()), 1, "application/pdf")
    pairs = tuple(_pair(identity, article * _PAIRS + place, rng, printed) for place in range(_PAIRS))
    found = StructuredArticle(
        article_id=identity,
        structurer="s",
        extractor="e",
        source=source,
        name=f"{article}.pdf",
        pdf=source,
        pairs=pairs,
    )
    return found.canonical()


def _pair(article: str, number: int, rng: random.Random, printed: int) -> Pair:
    shown = number - _PAIRS * 50 if number % 100 == 0 and number >= _PAIRS * 50 else number
    return Pair(
        pair_id=make_id("pair", str(number)),
        article_id=article,
        figure_id=make_id("fig", str(number)),
        label=f"Figure {number % _PAIRS + 1}",
        image=ArtifactRef(
            uri=f"artifact://figures/picture/{shown % _PICTURES}",
            sha256=sha256_hex(str(shown).encode()),
            bytes=len(picture(shown % _PICTURES)),
            media_type="image/png",
        ),
        phash=f"{random.Random(shown).getrandbits(64) | 1:016x}",  # noqa: S311 - no secret
        fingerprint=_fingerprint(shown) if shown % printed == 0 else None,
        text=f"{' '.join(rng.choices(_WORDS, k=40))} in case {number}.",
        record=CaptionRecord(),
        page=1,
        licence="CC BY",
    )


def _fingerprint(number: int) -> str:
    rng = np.random.default_rng(number)
    code = rng.standard_normal(CODE)
    return encode(code / np.linalg.norm(code), rng.standard_normal((SIDE, SIDE)))


@cache
def picture(number: int) -> bytes:
    out, noise = io.BytesIO(), np.random.default_rng(number).integers(0, 255, (_SIDE, _SIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--printed", type=int, default=20, help="one pair in so many has a fingerprint")
    wanted = parser.parse_args()
    articles = wanted.pairs // _PAIRS
    with tempfile.TemporaryDirectory() as folder:
        store, former = Made(Path(folder), wanted.printed), None
        for count in (articles, articles + articles // 100):
            # A reference's digest is that of the bytes; only their number is needed here.
            refs = [
                ArtifactRef(uri=f"artifact://figures/made/{n}", sha256="0" * 64, bytes=1, media_type="application/json")
                for n in range(count)
            ]
            started, store.shards, before = time.process_time(), 0, _resident()
            frozen = freeze(store, refs, FreezeOptions(image_size=_SIDE), former=former)
            if frozen is None:
                raise SystemExit("nothing was frozen")
            former = frozen.manifest
            manifest = DatasetManifest.model_validate_json(store.get(former))
            blocks = [block for part in manifest.splits.values() for block in part.parts]
            print(json.dumps({
                "articles": count, "pairs": frozen.pairs, "dropped": manifest.dropped, "leaks": manifest.leaks.total,
                "blocks": len(blocks), "shard_bytes_written": store.shards, "before_mib": before // 1024,
                "shard_bytes": sum(ref.bytes for block in blocks for ref in block.shards),
                "peak_mib": _resident() // 1024, "cpu_s": round(time.process_time() - started),
            }), flush=True)  # fmt: skip
    return 0 if _resident() <= MOST_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
