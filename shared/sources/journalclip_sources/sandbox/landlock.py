"""Landlock: the zygote and its children see the interpreter and its libraries, read-only, and no other file.

Without it a child of the same user could read ``/proc/<parent>/environ``, mounted secrets or other articles. Kernels
from 5.13 on have it, without privilege; elsewhere `confine` returns False and the container must do it.
Numbers and structures are from the kernel's include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1  # flag: return the ABI's version instead of a ruleset
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}  # what each version can forbid on files


def confine(readable: Iterable[Path]) -> bool:
    """Only what lies below ``readable`` can be read from now on, and nothing written. False where unsupported."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if abi < 1:
        return False
    attributes = struct.pack("Q", _RIGHTS_BY_ABI[min(abi, 3)])
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    for path in readable:
        _allow(libc, ruleset, path)
    done = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)


def interpreter_paths() -> list[Path]:
    """Where Python, its packages (editable ones too) and the system's shared libraries lie."""
    system = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom"]
    candidates = [*sys.path, sys.prefix, sys.base_prefix, *system]
    return sorted({Path(each).resolve() for each in candidates if each and Path(each).exists()})


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, handle), 0)
    os.close(handle)
