"""The contract of an artifact store as a test suite: subclass `ArtifactsContract`, give it a ``store`` fixture."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journalclip_shared.artifacts import (
    ArtifactCorrupt,
    ArtifactMissing,
    ArtifactRef,
    ArtifactStore,
    ManifestConflict,
    blob_ref,
)
from journalclip_shared.ids import sha256_hex


class ArtifactsContract:
    """What every store must do. ``damage`` breaks an object behind the store's back."""

    examples = 25  # of each property; a suite against a real server asks for fewer

    @pytest.fixture
    def store(self) -> ArtifactStore:
        raise NotImplementedError("a subclass says which store is tested")

    def damage(self, store: ArtifactStore, ref: ArtifactRef, data: bytes) -> None:
        raise NotImplementedError("a subclass says how to break an object")

    def test_any_bytes_come_back_and_name_themselves(self, store: ArtifactStore) -> None:
        @settings(max_examples=self.examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(data=st.binary(max_size=5000), media=st.sampled_from(["application/pdf", "image/png", "x/unheard-of"]))
        def holds(data: bytes, media: str) -> None:
            ref = store.put("articles", data, media)
            assert ref == blob_ref("articles", sha256_hex(data), len(data), media)
            assert store.get(ref) == data

        holds()

    def test_every_blob_is_listed_once_as_it_was_put_and_no_document_is(self, store: ArtifactStore) -> None:
        put = [store.put("figures", bytes([each]), media) for each, media in ((1, "image/png"), (2, "x/unheard-of"))]
        store.put_manifest("figures", "listed/one", b"{}")
        store.put("articles", b"\x03", "application/pdf")
        found = list(store.list_blobs("figures"))
        assert {(ref.uri, ref.sha256, ref.bytes) for ref in put} <= {(ref.uri, ref.sha256, ref.bytes) for ref in found}
        assert len({ref.uri for ref in found}) == len(found)
        assert [ref.uri for ref in found] == sorted(ref.uri for ref in found)
        assert not [ref for ref in found if "manifests" in ref.uri or ref.bucket != "figures"]
        assert store.get(found[0]) is not None

    def test_putting_twice_changes_nothing(self, store: ArtifactStore) -> None:
        assert store.put("figures", b"same", "image/png") == store.put("figures", b"same", "image/png")

    def test_a_file_and_its_bytes_have_one_reference(self, store: ArtifactStore, tmp_path: Path) -> None:
        data = bytes(range(256)) * 5000
        source = tmp_path / "Año 1 (copy).pdf"
        source.write_bytes(data)
        ref = store.put_file("articles", source, "application/pdf")
        assert ref == store.put("articles", data, "application/pdf")
        assert store.put_file("articles", source, "application/pdf") == ref
        target = tmp_path / "deep" / "er" / "copy.pdf"
        store.fetch(ref, target)
        assert target.read_bytes() == data

    def test_what_is_erased_is_gone_and_may_come_again(self, store: ArtifactStore) -> None:
        ref = store.put("figures", b"erased and put again", "image/png")
        document = store.put_manifest("figures", "erased/one", b"{}")
        for each in (ref, document):
            assert store.erase(each)
            assert not store.erase(each)
            with pytest.raises(ArtifactMissing):
                store.get(each)
        assert "erased/one" not in list(store.list_manifests("figures", "erased/"))
        assert store.put("figures", b"erased and put again", "image/png") == ref
        assert store.get(ref) == b"erased and put again"

    def test_an_empty_object_is_an_object(self, store: ArtifactStore, tmp_path: Path) -> None:
        ref = store.put("figures", b"", "text/plain")
        assert store.get(ref) == b""
        store.fetch(ref, tmp_path / "empty")
        assert (tmp_path / "empty").read_bytes() == b""

    def test_what_is_not_there_is_missing(self, store: ArtifactStore, tmp_path: Path) -> None:
        ref = blob_ref("models", sha256_hex(b"never put"), 9, "application/octet-stream")
        with pytest.raises(ArtifactMissing):
            store.get(ref)
        with pytest.raises(ArtifactMissing):
            store.fetch(ref, tmp_path / "x")
        assert not (tmp_path / "x").exists()

    def test_damage_is_found_and_never_handed_out(self, store: ArtifactStore, tmp_path: Path) -> None:
        ref = store.put("figures", b"the truth, whole", "image/png")
        for broken in (b"the truth", b"the truth, wholf", b""):
            self.damage(store, ref, broken)
            with pytest.raises(ArtifactCorrupt):
                store.get(ref)
            target = tmp_path / "kept"
            target.write_bytes(b"before")
            with pytest.raises(ArtifactCorrupt):
                store.fetch(ref, target)
            assert target.read_bytes() == b"before"
            assert [each.name for each in tmp_path.iterdir()] == ["kept"]

    def test_a_manifest_is_written_once(self, store: ArtifactStore) -> None:
        ref = store.put_manifest("datasets", "frozen/ds_1", b'{"a": 1}')
        assert store.put_manifest("datasets", "frozen/ds_1", b'{"a": 1}') == ref
        with pytest.raises(ManifestConflict):
            store.put_manifest("datasets", "frozen/ds_1", b'{"a": 2}')
        assert store.find_manifest("datasets", "frozen/ds_1") == ref
        assert store.get(ref) == b'{"a": 1}'
        assert store.find_manifest("datasets", "frozen/ds_2") is None

    def test_what_is_damaged_is_healed_by_the_right_bytes(self, store: ArtifactStore, tmp_path: Path) -> None:
        data = b"right, and of the same length as wrong"
        source = tmp_path / "right.png"
        source.write_bytes(data)
        ref = store.put("figures", data, "image/png")
        for broken in (data[:-1], data.upper(), b""):
            self.damage(store, ref, broken)
            assert store.put("figures", data, "image/png") == ref
            assert store.get(ref) == data
            self.damage(store, ref, broken)
            assert store.put_file("figures", source, "image/png") == ref
            assert store.get(ref) == data

    def test_of_writers_that_race_one_is_first_and_the_others_are_told(self, store: ArtifactStore) -> None:
        start = threading.Barrier(4)

        def write(number: int) -> ArtifactRef | None:
            start.wait()
            try:
                return store.put_manifest("datasets", "frozen/raced", b'{"writer": %d}' % number)
            except ManifestConflict:
                return None

        with ThreadPoolExecutor(4) as pool:
            won = [ref for ref in pool.map(write, range(4)) if ref is not None]
        assert won == [store.find_manifest("datasets", "frozen/raced")]

    def test_manifests_are_listed_in_order_and_blobs_never(self, store: ArtifactStore) -> None:
        for name in ("listed/b/2", "listed/a", "listed/b/1", "listedx/c"):
            store.put_manifest("figures", name, b"{}")
        store.put("figures", b"{}", "application/json")
        assert list(store.list_manifests("figures", "listed/")) == ["listed/a", "listed/b/1", "listed/b/2"]
        assert list(store.list_manifests("figures", "listed/b/")) == ["listed/b/1", "listed/b/2"]
        assert list(store.list_manifests("quarantine", "listed/")) == []
        assert not any("sha256" in name for name in store.list_manifests("figures"))

    @pytest.mark.parametrize("name", ["../up", "/root", "a//b", "a/../b", "", "space d", "a/.hidden", "é", "a/"])
    def test_a_name_that_could_leave_its_folder_is_a_bug(self, store: ArtifactStore, name: str) -> None:
        with pytest.raises(ValueError, match="not a manifest name"):
            store.put_manifest("figures", name, b"{}")
        with pytest.raises(ValueError, match="not a manifest name"):
            store.find_manifest("figures", name)

    def test_a_crafted_reference_reaches_nothing(self, store: ArtifactStore) -> None:
        store.put_manifest("quarantine", "quarantined/secret", b"{}")
        for key in ("../../etc/passwd", "../quarantine/manifests/quarantined/secret.json", "manifests", "sha256"):
            ref = ArtifactRef(uri=f"artifact://figures/{key}", sha256="0" * 64, bytes=1, media_type="text/plain")
            with pytest.raises((ArtifactMissing, ArtifactCorrupt)):
                store.get(ref)
