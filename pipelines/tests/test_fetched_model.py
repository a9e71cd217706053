"""A model comes whole or not at all, once; the driver's check says in a sentence why vLLM would not start."""

from __future__ import annotations

import ctypes
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from journalclip_pipelines.operations.fetched_model import MARK, Fetched, fetch
from journalclip_shared.errors import PermanentError, TransientError

HUB = "hub:org/structurer@v1"
DRIVER = Path(__file__).parents[2] / "charts" / "journalclip" / "files" / "driver.py"


def hub(name: str, revision: str, folder: Path) -> str:
    assert (name, revision) == ("org/structurer", "v1")
    (folder / "weights").mkdir(exist_ok=True)
    (folder / "weights" / "model.safetensors").write_bytes(b"x" * 10)
    (folder / "config.json").write_text("{}")
    return "c0ffee"


def bucket(name: str, prefix: str, folder: Path) -> None:
    assert (name, prefix) == ("models", "structurer/")
    (folder / "config.json").write_text("{}")


def never(*_: object) -> str:
    raise AssertionError("nothing is fetched")


def test_a_model_comes_once_and_says_which_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "structurer"
    made, new = fetch(HUB, folder, hub, never)
    assert (made, new) == (Fetched(source=HUB, revision="c0ffee", files=2, bytes=12), True)
    assert (folder / MARK).is_file()
    assert fetch(HUB, folder, never, never) == (made, False)
    assert [path.name for path in folder.parent.iterdir()] == ["structurer"]


def test_a_bucket_s_folder_is_a_source_too(tmp_path: Path) -> None:
    made, _ = fetch("s3://models/structurer", tmp_path / "m", never, bucket)
    assert (made.revision, made.files) == ("", 1)


def test_a_broken_connection_leaves_no_model_and_the_next_run_has_one(tmp_path: Path) -> None:
    def breaks(name: str, revision: str, folder: Path) -> str:
        hub(name, revision, folder)
        raise TransientError("hub: away", "hub")

    with pytest.raises(TransientError):
        fetch(HUB, tmp_path / "m", breaks, never)
    assert not (tmp_path / "m").exists()
    assert fetch(HUB, tmp_path / "m", hub, never)[1]


@pytest.mark.parametrize("source", ["hub:org/structurer", "org/structurer@v1", "ftp://a/b"])
def test_a_source_of_another_form_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(PermanentError) as caught:
        fetch(source, tmp_path / "m", never, never)
    assert caught.value.code == "model-source"


def test_an_empty_source_and_a_folder_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no file"):
        fetch("s3://models/structurer", tmp_path / "m", never, lambda *_: None)
    fetch(HUB, tmp_path / "n", hub, never)
    with pytest.raises(PermanentError, match="holds hub:org"):
        fetch("hub:org/structurer@v2", tmp_path / "n", never, never)
    (tmp_path / "o").mkdir()
    with pytest.raises(PermanentError, match="nothing says what it is"):
        fetch(HUB, tmp_path / "o", never, never)


def library(version: int) -> Callable[[str], object]:
    def get(pointer: object) -> None:
        pointer._obj.value = version  # type: ignore[attr-defined]  # what `byref` points to

    return lambda _name: SimpleNamespace(cuDriverGetVersion=get)


@pytest.mark.parametrize(
    ("built", "version", "said"),
    [
        ("12.8", 12020, None),
        ("13.0", 12080, "too old for CUDA 13.0"),
        (None, 0, None),
        ("12.8", -1, "no NVIDIA driver"),
    ],
)
def test_the_driver_is_held_to_the_image_s_cuda(
    monkeypatch: pytest.MonkeyPatch, built: str | None, version: int, said: str | None
) -> None:
    def missing(_name: str) -> object:
        raise OSError("libcuda.so.1: cannot open shared object file")

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(version=SimpleNamespace(cuda=built)))
    monkeypatch.setattr(ctypes, "CDLL", missing if version < 0 else library(version))
    if said is None and built is not None:
        runpy.run_path(str(DRIVER))
        return
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(DRIVER))
    assert caught.value.code == 0 if said is None else said in str(caught.value.code)
