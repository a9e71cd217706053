from __future__ import annotations

from pathlib import Path

import pytest

from journalclip_shared.atomic import replacing, write_atomically


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_atomically(path, b"one", 0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(b"two")
        assert path.read_bytes() == b"one"
        assert temporary.suffix == ".json"
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]
    assert path.read_bytes() == b"two"


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        fail()
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
