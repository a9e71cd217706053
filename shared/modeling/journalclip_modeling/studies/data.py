"""A frozen dataset of studies, read back: documents in order, and voxels by sequence.

Records are Parquet, one row a study, the whole `StructuredStudy` as JSON in the column
``study``. Voxels are tar shards of ``<study_id>.<sequence>.npy.gz``, uint8 [slices, rows, columns], in the same order.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from journalclip_shared.frozen import Frozen
from journalclip_shared.records.dataset import Split
from journalclip_shared.records.report import SequenceName
from journalclip_shared.records.study import StructuredStudy

Voxels = NDArray[np.uint8]
Volumes = dict[SequenceName, Voxels]


class FrozenStudies(Frozen):
    """Studies."""

    def studies(self, split: Split) -> list[StructuredStudy]:
        """In the dataset's order."""
        return [StructuredStudy.model_validate_json(row["study"]) for row in self.rows(split, "study")]

    def volumes(self, split: Split) -> Iterator[tuple[str, Volumes]]:
        """``(study_id, voxels by sequence)`` in the order of `studies`."""
        held, volumes = "", Volumes()
        for shard in self.shards(split):
            with tarfile.open(fileobj=io.BytesIO(self.store.get(shard.ref))) as tar:
                for member in tar:
                    handle = tar.extractfile(member)
                    study, sequence = member.name.split(".")[:2]
                    if handle is None or not shard.holds(member.name):
                        continue
                    if study != held and held:
                        yield held, volumes
                        volumes = Volumes()
                    held = study
                    volumes[sequence] = unpacked(handle.read())  # type: ignore[index]  # written by `packed` alone
        if held:
            yield held, volumes


def packed(voxels: Voxels) -> bytes:
    """The form in which a shard holds a volume."""
    out = io.BytesIO()
    np.save(out, voxels, allow_pickle=False)
    return gzip.compress(out.getvalue(), compresslevel=3, mtime=0)


def unpacked(data: bytes) -> Voxels:
    voxels: Voxels = np.load(io.BytesIO(gzip.decompress(data)), allow_pickle=False)
    return voxels
