"""Weight files as named tensors: safetensors, whole or in shards; pickles and TorchScript, opened once and never again.

A pickle is read by torch's restricted reader, which makes tensors and nothing else. A TorchScript archive cannot be; it
is opened in a process of its own, which hands back a safetensors file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from journalclip_modeling.starts.errors import StartUnusable

Weights = dict[str, Tensor]
SAFE = ("open_clip_model.safetensors", "model.safetensors")
PICKLED = ("open_clip_pytorch_model.bin", "pytorch_model.bin")
_SECONDS = 600  # a TorchScript archive of a ViT-L/14 opens in some twenty
_PREFIXES = ("module.", "model.")  # of data-parallel and training wrappers


def read_folder(folder: Path) -> Weights:
    """The one set of weights of a folder, float32. Raises `StartUnusable`."""
    for name in (*SAFE, *PICKLED):
        if (folder / name).is_file():
            return read_file(folder / name)[0]
        if (folder / f"{name}.index.json").is_file():
            shards = sorted(set(json.loads((folder / f"{name}.index.json").read_text())["weight_map"].values()))
            missing = [shard for shard in shards if not (folder / Path(shard).name).is_file()]
            if missing:
                raise StartUnusable(str(folder), f"its shard {missing[0]} is missing")
            return {key: each for shard in shards for key, each in read_file(folder / Path(shard).name)[0].items()}
    raise StartUnusable(str(folder), f"no weights: none of {', '.join((*SAFE, *PICKLED))}")


def read_file(path: Path) -> tuple[Weights, bool]:
    """Float32 weights of one file, and whether it was a TorchScript archive (OpenAI's form). Raises `StartUnusable`."""
    try:
        if path.suffix == ".safetensors":
            return _floats(load_file(path)), False
        return _floats(_state(torch.load(path, map_location="cpu", weights_only=True), path)), False
    except SafetensorError as error:
        raise StartUnusable(str(path), str(error)) from error
    except (RuntimeError, ValueError, OSError, KeyError, EOFError) as error:
        if "TorchScript" in str(error) or "torch.jit.load" in str(error):
            return _floats(_scripted(path)), True
        raise StartUnusable(str(path), str(error).splitlines()[0]) from error
    except UnpicklingError as error:
        raise StartUnusable(str(path), f"not a file of tensors alone: {str(error).splitlines()[0]}") from error


def _state(found: object, path: Path) -> Weights:
    """The state dict inside, under whatever name trainers give it."""
    for name in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    tensors = {key: each for key, each in found.items() if isinstance(each, Tensor)} if isinstance(found, dict) else {}
    if not tensors:
        raise StartUnusable(str(path), "it holds no named tensors")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): each for key, each in tensors.items()}
    return tensors


def _scripted(path: Path) -> Weights:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "weights.safetensors"
        command = [sys.executable, "-m", "journalclip_modeling.starts.weights", str(path), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode or not out.is_file():
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise StartUnusable(str(path), f"its TorchScript archive does not open: {lines[-1]}")
        return load_file(out)


def _floats(weights: Weights) -> Weights:
    return {
        key: (each.float() if each.is_floating_point() else each).contiguous().clone() for key, each in weights.items()
    }


def _unpack(source: str, out: str) -> None:
    """In the child process: an archive's state dict as safetensors."""
    state = torch.jit.load(source, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
    save_file({key: each.contiguous().clone() for key, each in state.items()}, out)


if __name__ == "__main__":
    _unpack(sys.argv[1], sys.argv[2])
