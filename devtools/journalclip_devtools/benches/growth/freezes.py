"""What a freeze of 1 % new writes: a dataset grows by freezes of 1 %, and the bytes that each puts into the bucket are
counted, manifests and lists of members included.

Pictures are noise, so that their JPEGs are as large as those of figures; articles, freezer and store are real but for
the store's being in memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from journalclip_devtools.benches.growth.lines import Line
from journalclip_freezing import FreezeOptions, freeze
from journalclip_shared.artifacts import ArtifactRef
from journalclip_shared.ids import make_id, sha256_hex
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.testing.memory import CountingArtifacts, MemoryArtifacts

MOST = 0.03  # of a dataset's bytes that a freeze of 1 % new may write
_PAIRS, _FREEZES, _PICTURE = 5, 12, 128


def rewritten(articles: int) -> Iterator[Line]:
    """The largest and the mean share over freezes that follow each other, each with 1 % of ``articles`` more."""
    store, shares = CountingArtifacts(), list[float]()
    documents = [_article(store, number) for number in range(articles)]
    fact = freeze(store, documents, FreezeOptions(image_size=_PICTURE))
    for _ in range(_FREEZES):
        documents += [_article(store, len(documents) + each) for each in range(articles // 100)]
        store.blobs.clear()
        store.manifests.clear()
        fact = freeze(store, documents, FreezeOptions(image_size=_PICTURE), former=fact.manifest if fact else None)
        assert fact is not None
        manifest = DatasetManifest.model_validate_json(store.get(fact.manifest))
        written = store.blobs["datasets"] + store.manifests["datasets"]
        shares.append(written / sum(ref.bytes for part in manifest.splits.values() for ref in part.refs))
    name = f"a freeze of 1 % of {articles} articles new"
    yield Line(f"{name}, mean share written", round(sum(shares) / _FREEZES, 4), MOST)
    yield Line(f"{name}, largest share written", round(max(shares), 4), MOST)


def _article(store: MemoryArtifacts, number: int) -> ArtifactRef:
    rng, article = np.random.default_rng(number), make_id("art", "bench", str(number))
    source = store.put("articles", str(number).encode(), "application/pdf")
    pairs = []
    for place in range(_PAIRS):
        out = io.BytesIO()
        noise = rng.integers(0, 255, (_PICTURE, _PICTURE, 3), dtype=np.uint8)
        Image.fromarray(noise).save(out, "JPEG", quality=80)
        pairs.append(
            Pair(
                pair_id=make_id("pair", article, str(place)),
                article_id=article,
                figure_id=make_id("fig", article, str(place)),
                label=f"Figure {place + 1}",
                image=store.put("figures", out.getvalue(), "image/jpeg"),
                phash=sha256_hex(f"{number}/{place}".encode())[:16],
                text=f"Axial CT of case {number}, figure {place}, shows a lesion in the left frontal lobe.",
                record=CaptionRecord(),
                page=1,
                licence="CC BY",
            )
        )
    document = StructuredArticle(
        article_id=article, structurer="bench/1", extractor="bench/1", source=source, name=f"{number}.pdf", pdf=source,
        pairs=tuple(pairs),
    )  # fmt: skip
    return store.put_manifest("figures", f"structured/bench/bench/{article}", document.canonical())
