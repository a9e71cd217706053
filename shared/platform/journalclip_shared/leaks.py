"""Leaks: what stands in more than one split of a dataset, so that a test would ask what training has seen.

Counted are articles, image digests, clusters of near-duplicate images by perceptual hash, clusters of altered copies
by fingerprint (cropped, mirrored: where the hash is blind), and captions (equal but for case, punctuation and spacing).
Freezing counts while it makes a dataset; promotion counts again from the frozen records, since a manifest only says
what its writer believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from journalclip_shared.components import components
from journalclip_shared.duplicates import Hashed, cluster
from journalclip_shared.fingerprints import Printed, same_pictures
from journalclip_shared.pairtable import PairTable
from journalclip_shared.records.dataset import LeakReport, Split
from journalclip_shared.records.pair import Pair
from journalclip_shared.records.study import StructuredStudy


@dataclass(frozen=True)
class Alike:
    """Clusters of pair ids whose images are one: ``near`` by perceptual hash, ``altered`` by fingerprint."""

    near: Sequence[Set[str]]
    altered: Sequence[Set[str]]


def alike(hashes: Sequence[Hashed], prints: Sequence[Printed]) -> Alike:
    """Raises ValueError for a hash or fingerprint of another form."""
    groups = components({each.id for each in prints}, same_pictures(sorted(prints, key=lambda each: each.id)))
    return Alike(cluster(hashes), [set(group) for group in groups if len(group) > 1])


class LeakCount:
    """Counts over any number of pairs, one at a time (`PairTable`)."""

    def __init__(self) -> None:
        self._pairs = PairTable()

    def add(self, split: Split, pair: Pair) -> None:
        # A pair that stands in two splits is two rows: a row is known by its id.
        self._pairs.add(pair.model_copy(update={"pair_id": f"{split}/{pair.pair_id}"}), split)

    def report(self) -> LeakReport:
        return self._pairs.leaks()


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
