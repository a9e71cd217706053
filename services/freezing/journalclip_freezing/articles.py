"""Articles into a dataset: pairs by split, pictures as JPEG shards. Reviewers' decisions are honoured.

What reviewers rejected or dispute and what was withdrawn stays out, what they corrected goes in as corrected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from journalclip_freezing.blocks import TIER, Former, blocks_of, digest_of
from journalclip_freezing.lost import BlobsUnreadable, Lost, LostBlob
from journalclip_freezing.shards import PAIRS_A_SHARD, Articles, row_of, write_block
from journalclip_freezing.splits import SPLITS, Assignment, SplitShares, assign
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import PairsStructured
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import Block, DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.reviews import Verdict, apply_verdicts, bound, read_decisions, rejections, verdicts_of
from journalclip_shared.withdrawals import Withdrawals, Withdrawn


@dataclass(frozen=True)
class FreezeOptions:
    """`Layout` of articles: what goes into the digest besides the pairs."""

    image_size: int = 256  # the longer side; above any demo or ViT-B/32 input of 224, with room for a crop
    shares: SplitShares = field(default_factory=SplitShares)
    seed: int = 0
    leave_out: tuple[RecordFlag, ...] = ("hidden-instruction",)  # until a reviewer keeps the pair
    kind: Kind = field(default="articles", init=False)

    @property
    def consumes(self) -> type[PairsStructured]:
        return PairsStructured

    def leaving_out(self, flags: Iterable[RecordFlag] | None) -> FreezeOptions:
        """With these flags in place of the usual ones; None changes nothing."""
        return self if flags is None else replace(self, leave_out=tuple(flags))

    def plan(self, store: ArtifactStore, documents: Iterable[ArtifactRef], lost: Lost) -> ArticlePlan | None:
        articles = sorted(lost.read(store, documents, StructuredArticle), key=lambda a: a.article_id)
        taken = Withdrawals(store).fresh()
        every = [pair for article in articles for pair in article.pairs if pair.pair_id not in lost.blobs]
        journals = {article.article_id: article.facts.journal.value for article in articles}
        decided = verdicts_of(every, bound(store, read_decisions(store), {pair.pair_id for pair in every}))
        gone = Counter[str]()
        every = [pair for pair in every if not self._withdrawn(pair, taken, journals[pair.article_id], gone)]
        held = {pair.pair_id: flag for pair in every if (flag := self._held(pair, decided))}
        free = [pair for pair in every if pair.pair_id not in held]
        gone += rejections(free, decided)
        accepted = apply_verdicts(free, decided)
        pairs = [pair for pair in accepted if pair.pair_id not in lost.blobs]  # a reviewer's crop may be lost too
        if not pairs:
            return None
        left_out = Counter(f"flag-{flag}" for flag in held.values()) + gone
        return ArticlePlan(articles, assign(pairs, self.shares, self.seed), self, dict(sorted(left_out.items())), lost)

    @staticmethod
    def _withdrawn(pair: Pair, taken: Withdrawn, journal: str | None, gone: Counter[str]) -> bool:
        """Whether the pair may not be used; counted by reason."""
        found = taken.of_pair(pair, journal) if taken else None
        if found is not None:
            gone[f"withdrawn-{found.reason}"] += 1
        return found is not None

    def _held(self, pair: Pair, decided: Mapping[str, Verdict]) -> RecordFlag | None:
        """The flag that holds the pair; a decision to keep it, or to correct it, lets it go."""
        verdict = decided.get(pair.pair_id)
        if verdict is not None and verdict.standing == "keep":
            return None
        return next((flag for flag in self.leave_out if flag in pair.record.flags), None)


@dataclass(frozen=True)
class ArticlePlan:
    """`Plan` of articles."""

    articles: Sequence[StructuredArticle]
    assignment: Assignment
    options: FreezeOptions
    left_out: Mapping[str, int]  # pairs that a flag or a withdrawal keeps out, by reason
    lost: Lost

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

    def write(
        self, store: ArtifactStore, progress: Callable[[int, int], None], former: DatasetManifest | None
    ) -> DatasetManifest:
        facts: Articles = {article.article_id: (article.name, article.facts) for article in self.articles}
        kept: list[Pair] = [pair for split in SPLITS for pair in self.assignment.splits[split]]
        done = Counter[str]()

        def tick() -> None:
            done["pairs"] += 1
            progress(done["pairs"], len(kept))

        before = len(self.lost.blobs)

        def failed(pair: Pair, error: PermanentError) -> None:
            self.lost.blobs[pair.pair_id] = LostBlob(pair.article_id, facts[pair.article_id][0], pair.image, error)

        size = self.options.image_size
        splits = self.assignment.splits
        if former is not None and former.image_size != size:
            former = None
        there = Former(store, former)

        def part(pairs: Sequence[Pair]) -> Callable[[Sequence[str]], Block]:
            by_id = {pair.pair_id: pair for pair in pairs}
            return lambda ids: write_block(store, [by_id[each] for each in ids], facts, size, tick, failed)

        written = dict[Split, SplitPart]()
        for split in SPLITS:
            pairs = splits[split]
            wanted = {pair.pair_id: digest_of(row_of(pair, *facts[pair.article_id])) for pair in pairs}
            blocks = blocks_of(there.held(split), wanted, PAIRS_A_SHARD // TIER, part(pairs))
            written[split] = SplitPart.of(blocks, len(pairs), len({pair.article_id for pair in pairs}))
        if found := len(self.lost.blobs) - before:
            raise BlobsUnreadable(found)
        digest = self.digest
        return DatasetManifest(
            dataset_id=make_id("ds", digest),
            digest=digest,
            splits=written,
            leaks=self.leaks,
            dropped=self.assignment.dropped | dict(self.left_out) | self.lost.counts,
            licences=dict(Counter(pair.licence for pair in kept)),
            modalities=dict(Counter(pair.modality for pair in kept)),
            structurers=tuple(sorted({article.structurer for article in self.articles})),
            extractors=tuple(sorted({article.extractor for article in self.articles})),
            image_size=size,
            seed=self.options.seed,
            kind="articles",
        )
