"""The freeze job: gather, assign, write, and only then the manifest and the event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from journalclip_freezing.shards import Articles, write_split
from journalclip_freezing.splits import SPLITS, Assignment, SplitShares, assign
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import DatasetFrozen
from journalclip_shared.failpoints import hit
from journalclip_shared.ids import canonical_json, make_id, sha256_hex
from journalclip_shared.records.caption import RecordFlag
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.reviews import Verdict, apply_verdicts, read_decisions, verdicts


@dataclass(frozen=True)
class FreezeOptions:
    """What goes into the digest besides the pairs."""

    image_size: int = 256  # the longer side; above any demo or ViT-B/32 input of 224, with room for a crop
    shares: SplitShares = field(default_factory=SplitShares)
    seed: int = 0
    leave_out: tuple[RecordFlag, ...] = ("hidden-instruction",)  # kept out until a reviewer keeps the pair


def freeze(
    store: ArtifactStore,
    documents: Iterable[ArtifactRef],
    options: FreezeOptions,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetFrozen | None:
    """Freeze the pairs of these `StructuredArticle` documents; None where they hold no pair.

    Finds the manifest first: a dataset that exists is returned without work. Raises `PermanentError` ``dataset-leaks``
    where something still stands on two sides. Reviewers' decisions are honoured: what they rejected or dispute stays
    out, what they mended goes in as mended.
    """
    articles = sorted(
        (StructuredArticle.model_validate_json(store.get(ref)) for ref in documents), key=lambda a: a.article_id
    )
    decided = verdicts(read_decisions(store))
    every = [pair for article in articles for pair in article.pairs]
    held = {pair.pair_id: flag for pair in every if (flag := _held(pair, options, decided))}
    pairs = apply_verdicts([pair for pair in every if pair.pair_id not in held], decided)
    if not pairs:
        return None
    assignment = assign(pairs, options.shares, options.seed)
    digest = _digest(assignment, options)
    dataset_id = make_id("ds", digest)
    found = store.find_manifest("datasets", f"frozen/{dataset_id}")
    if found is None:
        if assignment.leaks.total:
            raise PermanentError("dataset-leaks", f"splits share content: {assignment.leaks}", "Report this as a bug.")
        hit("freezing.assigned")
        manifest = _write(store, articles, assignment, digest, options, Counter(held.values()), progress)
        hit("freezing.shards-written")
        store.put_manifest("datasets", f"members/{dataset_id}", _members(assignment))
        hit("freezing.members-written")
        found = store.put_manifest("datasets", f"frozen/{dataset_id}", manifest.canonical())
    return DatasetFrozen(dataset_id=dataset_id, manifest=found, pairs=sum(map(len, assignment.splits.values())))


def _held(pair: Pair, options: FreezeOptions, decided: Mapping[str, Verdict]) -> RecordFlag | None:
    """The flag that holds the pair; a decision to keep it, or to mend it, lets it go."""
    verdict = decided.get(pair.pair_id)
    if verdict is not None and verdict.standing == "keep":
        return None
    return next((flag for flag in options.leave_out if flag in pair.record.flags), None)


def _digest(assignment: Assignment, options: FreezeOptions) -> str:
    rows = sorted(
        (pair.pair_id, split, sha256_hex(pair.canonical()))
        for split, members in assignment.splits.items()
        for pair in members
    )
    return sha256_hex(canonical_json({"pairs": rows, "image_size": options.image_size, "seed": options.seed}))


def _members(assignment: Assignment) -> bytes:
    """Pair ids by split: what `explain` and `audit` look a pair up in without reading Parquet."""
    return canonical_json({split: [pair.pair_id for pair in pairs] for split, pairs in assignment.splits.items()})


def _write(
    store: ArtifactStore,
    articles: list[StructuredArticle],
    assignment: Assignment,
    digest: str,
    options: FreezeOptions,
    held: Counter[RecordFlag],
    progress: Callable[[int, int], None] | None,
) -> DatasetManifest:
    facts: Articles = {article.article_id: (article.name, article.facts) for article in articles}
    kept: list[Pair] = [pair for split in SPLITS for pair in assignment.splits[split]]
    done = Counter[str]()

    def tick() -> None:
        done["pairs"] += 1
        if progress is not None:
            progress(done["pairs"], len(kept))

    return DatasetManifest(
        dataset_id=make_id("ds", digest),
        digest=digest,
        splits={
            split: write_split(store, assignment.splits[split], facts, options.image_size, tick) for split in SPLITS
        },
        leaks=assignment.leaks,
        dropped=assignment.dropped | {f"flag-{flag}": count for flag, count in sorted(held.items())},
        licences=dict(Counter(pair.licence for pair in kept)),
        modalities=dict(Counter(pair.modality for pair in kept)),
        structurers=tuple(sorted({article.structurer for article in articles})),
        extractors=tuple(sorted({article.extractor for article in articles})),
        image_size=options.image_size,
        seed=options.seed,
    )
