"""Archives within limits: names stay names, and sizes are counted, not believed."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalclip_shared.deliveries import pack
from journalclip_shared.errors import PermanentError
from journalclip_sources.package.names import spelled
from journalclip_sources.package.unpack import MAX_ENTRIES, unpack

names = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=8)


@given(st.dictionaries(names, st.binary(min_size=8, max_size=64), min_size=2, max_size=5))
def test_what_is_packed_comes_out(files: dict[str, bytes]) -> None:
    assert unpack(pack(files)) == {
        name: data for name, data in files.items() if not data.startswith(b"version https://")
    }


@given(st.text(max_size=20))
def test_no_name_climbs_out(name: str) -> None:
    found = spelled(name)
    assert found is None or (not found.startswith("/") and ".." not in found.split("/"))


def test_a_tarball_is_read_and_its_links_are_refused() -> None:
    assert unpack(tar({"a/b.xml": b"<article/>"})) == {"a/b.xml": b"<article/>"}
    with pytest.raises(PermanentError, match="bundle-invalid"):
        unpack(tar({}, link="/etc/passwd"))


@pytest.mark.parametrize("name", ["../a", "/a", "C:/a", "a/../../b"])
def test_a_name_that_climbs_out_is_refused(name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"0123456789")
    with pytest.raises(PermanentError, match="bundle-invalid"):
        unpack(out.getvalue())


def test_too_many_entries_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(MAX_ENTRIES + 1):
            archive.writestr(str(number), b"")
    with pytest.raises(PermanentError, match="bundle-too-large"):
        unpack(out.getvalue())


def test_nothing_but_leftovers_is_empty() -> None:
    with pytest.raises(PermanentError, match="bundle-empty"):
        unpack(pack({"__MACOSX/._a.xml": b"0123456789", ".DS_Store": b"0123456789"}))


def tar(files: dict[str, bytes], link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return out.getvalue()
