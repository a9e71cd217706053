"""Articles into a dataset: pairs by split, pictures as JPEG shards. Reviewers' decisions are honoured.

What reviewers rejected or dispute and what was withdrawn stays out, what they corrected goes in as corrected. Memory
does not grow with the pictures and texts of the corpus: documents are read one at a time, once for what splits need to
know (`PairTable`), and those with something new once more when their blocks are written.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from journalclip_freezing.blocks import TIER, Former, blocks_of, digest_of
from journalclip_freezing.lost import BlobsUnreadable, Lost, LostBlob
from journalclip_freezing.shards import PAIRS_A_BLOCK, PAIRS_A_SHARD, Member, row_of, write_block
from journalclip_freezing.splits import SPLITS, SplitShares, assign
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import PairsStructured
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.kinds import Kind
from journalclip_shared.pairtable import PairTable
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import Block, DatasetManifest, LeakReport, Split, SplitPart
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.records.review import ReviewDecision
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
        refs = list(documents)
        gathered = Gathered(self, refs, Withdrawals(store).fresh(), PairTable(), lost)
        gathered.read(store, read_decisions(store))
        if not gathered.pairs.articles():
            return None
        if dropped := assign(gathered.pairs, self.shares, self.seed):
            gathered.left_out["caption-in-other-split"] += dropped
        return ArticlePlan(gathered, self, lost)

    @staticmethod
    def withdrawn(pair: Pair, taken: Withdrawn, journal: str | None, gone: Counter[str]) -> bool:
        """Whether the pair may not be used; counted by reason."""
        found = taken.of_pair(pair, journal) if taken else None
        if found is not None:
            gone[f"withdrawn-{found.reason}"] += 1
        return found is not None

    def held(self, pair: Pair, decided: Mapping[str, Verdict]) -> RecordFlag | None:
        """The flag that holds the pair; a decision to keep it, or to correct it, lets it go."""
        verdict = decided.get(pair.pair_id)
        if verdict is not None and verdict.standing == "keep":
            return None
        return next((flag for flag in self.leave_out if flag in pair.record.flags), None)


@dataclass
class Gathered:
    """What a freeze knows of its pairs: documents are read one at a time, and of each only digests are kept.

    Documents of articles that reviewers decided about are kept until all are read, since a decision may hold for what
    stands in another of them.
    """

    options: FreezeOptions
    documents: Sequence[ArtifactRef]
    taken: Withdrawn
    pairs: PairTable
    lost: Lost
    left_out: Counter[str] = field(default_factory=Counter)
    structurers: set[str] = field(default_factory=set)
    extractors: set[str] = field(default_factory=set)
    decided: Mapping[str, Verdict] = field(default_factory=dict)

    def read(self, store: ArtifactStore, decisions: Sequence[ReviewDecision]) -> None:
        """Raises `TransientError`."""
        articles, ids = {each.article_id for each in decisions}, {each.pair_id for each in decisions}
        reviewed = list[tuple[int, StructuredArticle]]()
        for place, article in self.lost.read(store, self.documents, StructuredArticle):
            self.structurers.add(article.structurer)
            self.extractors.add(article.extractor)
            if article.article_id in articles or any(pair.pair_id in ids for pair in article.pairs):
                reviewed.append((place, article))
            else:
                self._add(place, article)
        known = [pair for _, article in reviewed for pair in article.pairs if pair.pair_id not in self.lost.blobs]
        self.decided = verdicts_of(known, bound(store, decisions, {pair.pair_id for pair in known}))
        for place, article in reviewed:
            self._add(place, article)

    def _add(self, place: int, article: StructuredArticle) -> None:
        for pair in self.accepted(article, self.left_out):
            content = bytes.fromhex(sha256_hex(pair.canonical()))
            row = bytes.fromhex(digest_of(row_of(pair, article.name, article.facts)))
            self.pairs.add(pair, content=content, record=row, document=place)

    def accepted(self, article: StructuredArticle, gone: Counter[str]) -> list[Pair]:
        """The pairs of an article that a dataset may hold; what it may not hold is counted by reason."""
        journal, found = article.facts.journal.value, list[Pair]()
        for pair in article.pairs:
            if pair.pair_id in self.lost.blobs or self.options.withdrawn(pair, self.taken, journal, gone):
                continue
            if (flag := self.options.held(pair, self.decided)) is not None:
                gone[f"flag-{flag}"] += 1
                continue
            found.append(pair)
        gone += rejections(found, self.decided)
        # A reviewer's crop may be lost too.
        return [pair for pair in apply_verdicts(found, self.decided) if pair.pair_id not in self.lost.blobs]


@dataclass(frozen=True)
class ArticlePlan:
    """`Plan` of articles."""

    gathered: Gathered
    options: FreezeOptions
    lost: Lost

    @functools.cached_property
    def digest(self) -> str:
        # Of one JSON text, that is never in memory as a whole.
        options = {"image_size": self.options.image_size, "seed": self.options.seed}
        before, after = canonical_json({"pairs": [], **options}).split(b"[]")
        found = hashlib.sha256(before + b"[")
        for place, (pair_id, split, content) in enumerate(self.gathered.pairs.contents()):
            found.update((b"," if place else b"") + canonical_json([pair_id, split, content.hex()]))
        found.update(b"]" + after)
        return found.hexdigest()

    @functools.cached_property
    def pairs(self) -> int:
        return len(self.gathered.pairs)

    @functools.cached_property
    def leaks(self) -> LeakReport:
        return self.gathered.pairs.leaks()

    @property
    def members(self) -> Mapping[Split, Sequence[str]]:
        return {split: [each for each, _ in self.gathered.pairs.members(split)] for split in SPLITS}

    def write(
        self, store: ArtifactStore, progress: Callable[[int, int], None], former: DatasetManifest | None
    ) -> DatasetManifest:
        pairs, done = self.gathered.pairs, Counter[str]()

        def tick() -> None:
            done["pairs"] += 1
            progress(done["pairs"], self.pairs)

        before = len(self.lost.blobs)
        if former is not None and former.image_size != self.options.image_size:
            former = None
        there = Former(store, former)
        written = dict[Split, SplitPart]()
        for split in SPLITS:
            wanted = {each: record.hex() for each, record in pairs.members(split)}
            blocks = blocks_of(
                there.held(split), wanted, PAIRS_A_SHARD // TIER, lambda ids: self._blocks(store, ids, tick)
            )
            written[split] = SplitPart.of(blocks, *pairs.sizes(split))
        if found := len(self.lost.blobs) - before:
            raise BlobsUnreadable(found)
        return DatasetManifest(
            dataset_id=make_id("ds", self.digest),
            digest=self.digest,
            splits=written,
            leaks=self.leaks,
            dropped=dict(sorted(self.gathered.left_out.items())) | self.lost.counts,
            licences=pairs.counts("licence"),
            modalities=pairs.counts("modality"),
            structurers=tuple(sorted(self.gathered.structurers)),
            extractors=tuple(sorted(self.gathered.extractors)),
            image_size=self.options.image_size,
            seed=self.options.seed,
            kind="articles",
        )

    def _blocks(self, store: ArtifactStore, ids: Sequence[str], tick: Callable[[], None]) -> list[Block]:
        """Blocks of whole documents, each read once; one block where the pairs are few, or none."""
        written, some = list[Block](), dict[str, Member]()

        def write() -> None:
            members = [some[each] for each in sorted(some)]
            written.append(write_block(store, members, self.options.image_size, tick, self._failed))
            some.clear()

        for place, wanted in self.gathered.pairs.documents(ids):
            article = StructuredArticle.model_validate_json(store.get(self.gathered.documents[place]))
            accepted = {pair.pair_id: pair for pair in self.gathered.accepted(article, Counter())}
            some |= {each: Member(accepted[each], article.name, article.facts) for each in wanted if each in accepted}
            if len(some) >= PAIRS_A_BLOCK:
                write()
        if some or not written:
            write()
        return written

    def _failed(self, member: Member, error: PermanentError) -> None:
        pair = member.pair
        self.lost.blobs[pair.pair_id] = LostBlob(pair.article_id, member.name, pair.image, error)
