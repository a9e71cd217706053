"""Articles into a dataset: pairs by split, pictures as JPEG shards. Reviewers' decisions are honoured.

What reviewers rejected or dispute stays out, what they corrected goes in as corrected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from journalclip_freezing.shards import Articles, write_split
from journalclip_freezing.splits import SPLITS, Assignment, SplitShares, assign
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import PairsStructured
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records.dataset import DatasetManifest, LeakReport, Split
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.reviews import apply_verdicts, read_decisions, verdicts


@dataclass(frozen=True)
class FreezeOptions:
    """`Layout` of articles: what goes into the digest besides the pairs."""

    image_size: int = 256  # the longer side; above any demo or ViT-B/32 input of 224, with room for a crop
    shares: SplitShares = field(default_factory=SplitShares)
    seed: int = 0
    kind: Kind = field(default="articles", init=False)

    @property
    def consumes(self) -> type[PairsStructured]:
        return PairsStructured

    def plan(self, store: ArtifactStore, documents: Iterable[ArtifactRef]) -> ArticlePlan | None:
        articles = sorted(
            (StructuredArticle.model_validate_json(store.get(ref)) for ref in documents), key=lambda a: a.article_id
        )
        decided = verdicts(read_decisions(store))
        pairs = apply_verdicts([pair for article in articles for pair in article.pairs], decided)
        return ArticlePlan(articles, assign(pairs, self.shares, self.seed), self) if pairs else None


@dataclass(frozen=True)
class ArticlePlan:
    """`Plan` of articles."""

    articles: Sequence[StructuredArticle]
    assignment: Assignment
    options: FreezeOptions

    @property
    def digest(self) -> str:
        rows = sorted(
            (pair.pair_id, split, sha256_hex(pair.canonical()))
            for split, members in self.assignment.splits.items()
            for pair in members
        )
        options = {"image_size": self.options.image_size, "seed": self.options.seed}
        return sha256_hex(canonical_json({"pairs": rows, **options}))

    @property
    def pairs(self) -> int:
        return sum(map(len, self.assignment.splits.values()))

    @property
    def leaks(self) -> LeakReport:
        return self.assignment.leaks

    @property
    def members(self) -> Mapping[Split, Sequence[str]]:
        return {split: [pair.pair_id for pair in pairs] for split, pairs in self.assignment.splits.items()}

    def write(self, store: ArtifactStore, progress: Callable[[int, int], None]) -> DatasetManifest:
        facts: Articles = {article.article_id: (article.name, article.facts) for article in self.articles}
        kept: list[Pair] = [pair for split in SPLITS for pair in self.assignment.splits[split]]
        done = Counter[str]()

        def tick() -> None:
            done["pairs"] += 1
            progress(done["pairs"], len(kept))

        size = self.options.image_size
        splits = self.assignment.splits
        digest = self.digest
        return DatasetManifest(
            dataset_id=make_id("ds", digest),
            digest=digest,
            splits={split: write_split(store, splits[split], facts, size, tick) for split in SPLITS},
            leaks=self.leaks,
            dropped=self.assignment.dropped,
            licences=dict(Counter(pair.licence for pair in kept)),
            modalities=dict(Counter(pair.modality for pair in kept)),
            structurers=tuple(sorted({article.structurer for article in self.articles})),
            extractors=tuple(sorted({article.extractor for article in self.articles})),
            image_size=size,
            seed=self.options.seed,
            kind="articles",
        )
