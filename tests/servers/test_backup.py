"""From one MinIO's buckets into a folder and into other buckets: every object, by its digest."""

from __future__ import annotations

import uuid
from pathlib import Path

from journalclip_pipelines.operations.backup import backup, restore
from journalclip_pipelines.operations.bootstrap import Report, make_buckets
from journalclip_shared.artifacts.s3 import S3Artifacts
from journalclip_shared.settings import S3Settings


def test_a_store_is_copied_to_a_folder_and_into_another_store(s3_settings: S3Settings, tmp_path: Path) -> None:
    store = S3Artifacts(s3_settings)
    refs = [store.put("figures", f"figure {number}".encode(), "image/png") for number in range(30)]
    refs.append(store.put("vault", b"x" * 3_000_000, "x/unheard-of"))
    document = store.put_manifest("datasets", "frozen/ds_a", b'{"a": 1}')
    made = backup(store, tmp_path / "no-folder", tmp_path / "copy")
    assert made.new == 32
    assert backup(store, tmp_path / "no-folder", tmp_path / "copy").new == 0
    other = s3_settings.model_copy(update={"bucket_prefix": f"t{uuid.uuid4().hex[:8]}-"})
    make_buckets(other, Report())
    restored = S3Artifacts(other)
    assert restore(tmp_path / "copy", restored, tmp_path).new == 32
    assert [restored.get(ref) for ref in refs] == [store.get(ref) for ref in refs]
    assert restored.find_manifest("datasets", "frozen/ds_a") == document
