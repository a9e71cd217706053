"""Both stores that need no server pass the contract; the folder's own promises are tested beside it."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from journalclip_shared import failpoints
from journalclip_shared.artifacts import ArtifactMissing, ArtifactRef, ArtifactStore, ManifestConflict, blob_key
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import TransientError
from journalclip_shared.testing.artifacts import ArtifactsContract
from journalclip_shared.testing.memory import MemoryArtifacts


class TestLocalArtifacts(ArtifactsContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
        return LocalArtifacts(tmp_path_factory.mktemp("store"))

    def damage(self, store: ArtifactStore, ref: ArtifactRef, data: bytes) -> None:
        assert isinstance(store, LocalArtifacts)
        store.path(ref).write_bytes(data)


class TestMemoryArtifacts(ArtifactsContract):
    @pytest.fixture
    def store(self) -> ArtifactStore:
        return MemoryArtifacts()

    def damage(self, store: ArtifactStore, ref: ArtifactRef, data: bytes) -> None:
        assert isinstance(store, MemoryArtifacts)
        store.damage(ref, data)


def test_memory_can_lose_an_object() -> None:
    store = MemoryArtifacts()
    ref = store.put("figures", b"x", "image/png")
    store.damage(ref, None)
    with pytest.raises(ArtifactMissing):
        store.get(ref)


def test_an_extension_does_not_depend_on_the_machine() -> None:
    assert blob_key("ab" * 32, "image/jpeg").endswith(".jpg")
    assert blob_key("ab" * 32, "chemical/x-pdb").endswith(".bin")  # in many systems' tables, in ours not


def test_a_torn_blob_is_healed_by_putting_it_again(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    ref = store.put("figures", b"whole", "image/png")
    store.path(ref).write_bytes(b"who")
    store.put("figures", b"whole", "image/png")
    assert store.get(ref) == b"whole"


def test_of_two_writers_of_a_manifest_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    start, outcomes = threading.Barrier(8), []

    def write(number: int) -> None:
        start.wait()
        try:
            store.put_manifest("models", "trained/mdl_x", str(number).encode())
            outcomes.append("won")
        except ManifestConflict:
            outcomes.append("told")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told"] * 7 + ["won"]


def test_stale_temporaries_are_swept_and_fresh_ones_kept(tmp_path: Path) -> None:
    LocalArtifacts(tmp_path)
    stale, fresh = tmp_path / ".tmp" / "stale", tmp_path / ".tmp" / "fresh"
    stale.touch()
    fresh.touch()
    os.utime(stale, (0, 0))
    LocalArtifacts(tmp_path)
    assert not stale.exists()
    assert fresh.exists()


def test_a_full_disk_is_transient_and_leaves_nothing(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    failpoints.arm("artifacts.before-blob=full;artifacts.before-manifest=full")
    with pytest.raises(TransientError, match="fail point"):
        store.put("figures", b"x", "image/png")
    with pytest.raises(TransientError, match="fail point"):
        store.put_manifest("figures", "a", b"{}")
    assert store.find_manifest("figures", "a") is None
    assert store.get(store.put("figures", b"x", "image/png")) == b"x"


def test_a_write_that_fails_midway_removes_its_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalArtifacts(tmp_path)

    def fill(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(TransientError):
        store.put("figures", b"x", "image/png")
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_an_error_that_is_no_full_disk_is_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalArtifacts(tmp_path)

    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(PermissionError):
        store.put("figures", b"x", "image/png")


def test_a_file_that_changes_while_it_is_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalArtifacts(tmp_path / "store")
    source = tmp_path / "growing.pdf"
    source.write_bytes(b"first half")

    def grow(start: Path, target: Path) -> None:
        Path(target).write_bytes(b"first half, second half")

    monkeypatch.setattr("journalclip_shared.artifacts.local.shutil.copyfile", grow)
    with pytest.raises(TransientError, match="changed while"):
        store.put_file("articles", source, "application/pdf")
    assert list((tmp_path / "store" / ".tmp").iterdir()) == []
