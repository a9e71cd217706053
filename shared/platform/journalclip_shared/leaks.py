"""Leaks: what stands in more than one split of a dataset, so that a test would ask what training has seen.

Counted are articles, image digests, clusters of near-duplicate images by perceptual hash, clusters of altered copies
by fingerprint (cropped, mirrored: where the hash is blind), and captions (equal but for case, punctuation and spacing).
Freezing counts while it makes a dataset; promotion counts again from the frozen records, since a manifest only says
what its writer believed.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from journalclip_shared.components import components
from journalclip_shared.duplicates import Hashed, cluster
from journalclip_shared.fingerprints import Printed, same_pictures
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.study import StructuredStudy


def normalised(text: str) -> str:
    """Letters and digits of the NFKD form, lower case, single spaces: equal here means the same caption."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(ch if ch.isalnum() else " " for ch in folded).split())


@dataclass(frozen=True)
class Alike:
    """Clusters of pair ids whose images are one: ``near`` by perceptual hash, ``altered`` by fingerprint."""

    near: Sequence[Set[str]]
    altered: Sequence[Set[str]]


def alike(hashes: Sequence[Hashed], prints: Sequence[Printed]) -> Alike:
    """Raises ValueError for a hash or fingerprint of another form."""
    groups = components({each.id for each in prints}, same_pictures(prints))
    return Alike(cluster(hashes), [set(group) for group in groups if len(group) > 1])


def leak_report(splits: Mapping[Split, Sequence[Pair]], found: Alike) -> LeakReport:
    """Counts over pairs in memory."""
    count = LeakCount()
    for split, pairs in splits.items():
        for pair in pairs:
            count.add(split, pair)
    return count.report(found)


class LeakCount:
    """The same over any number of pairs, one at a time; a pair costs two kilobytes, mostly its fingerprint."""

    def __init__(self) -> None:
        self._articles, self._images, self._captions = (defaultdict[bytes, set[Split]](set) for _ in range(3))
        self._sides: dict[str, Split] = {}
        self._hashes: list[Hashed] = []
        self._prints: list[Printed] = []

    def add(self, split: Split, pair: Pair) -> None:
        self._articles[pair.article_id.encode()].add(split)
        self._images[bytes.fromhex(pair.image.sha256)].add(split)
        self._captions[hashlib.blake2b(normalised(pair.text).encode(), digest_size=16).digest()].add(split)
        self._sides[pair.pair_id] = split
        if pair.phash:
            self._hashes.append(Hashed(pair.pair_id, pair.phash))
        if pair.fingerprint:
            self._prints.append(Printed(pair.pair_id, pair.fingerprint))

    def report(self, found: Alike | None = None) -> LeakReport:
        """None finds the clusters from the pairs' own hashes and fingerprints."""
        found = alike(self._hashes, self._prints) if found is None else found
        return LeakReport(
            articles=_shared(self._articles),
            image_digests=_shared(self._images),
            near_images=self._divided(found.near),
            altered_images=self._divided(found.altered),
            captions=_shared(self._captions),
        )

    def _divided(self, clusters: Iterable[Set[str]]) -> int:
        return sum(1 for ids in clusters if len({self._sides[each] for each in ids if each in self._sides}) > 1)


def study_leaks(splits: Mapping[Split, Sequence[StructuredStudy]]) -> LeakReport:
    """Patients and volumes that stand in more than one split.

    Equal texts are no leak: reports repeat each other by nature ("no abnormality").
    """
    count = StudyLeakCount()
    for split, studies in splits.items():
        for study in studies:
            count.add(split, study)
    return count.report()


class StudyLeakCount:
    """The same over any number of studies, one at a time."""

    def __init__(self) -> None:
        self._patients, self._volumes = (defaultdict[bytes, set[Split]](set) for _ in range(2))

    def add(self, split: Split, study: StructuredStudy) -> None:
        self._patients[study.patient.encode()].add(split)
        for volume in study.volumes:
            self._volumes[bytes.fromhex(volume.volume.sha256)].add(split)

    def report(self) -> LeakReport:
        return LeakReport(articles=_shared(self._patients), image_digests=_shared(self._volumes))


def _shared(seen: Mapping[bytes, Set[Split]]) -> int:
    return sum(1 for sides in seen.values() if len(sides) > 1)
