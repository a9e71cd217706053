"""Two system-call filters, as classic BPF built by hand: the kernel refuses with EPERM what no parser needs.

The zygote loses network, exec, tracing and the like for good, and so do its children; a child also loses fork,
threads and signals to others. A filter needs no privilege, only ``no_new_privs``, and can never be taken off again.
"""

from __future__ import annotations

import ctypes
import platform
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_LOAD, _JEQ, _JGE, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # _DENY: SECCOMP_RET_ERRNO with EPERM
_X32 = 0x40000000  # x86-64 calls from here on are the x32 ABI, by which a filter on numbers could be walked around

# Call numbers from the kernel's own tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h);
# those above 423 are the same everywhere.
_NEW = {"pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438}
_CALLS: dict[str, dict[str, int]] = {
    "x86_64": {
        **_NEW, "socket": 41, "connect": 42, "bind": 49, "listen": 50, "socketpair": 53, "clone": 56, "fork": 57,
        "vfork": 58, "execve": 59, "kill": 62, "ptrace": 101, "mount": 165, "add_key": 248, "request_key": 249,
        "keyctl": 250, "unshare": 272, "perf_event_open": 298, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "bpf": 321, "execveat": 322, "userfaultfd": 323,
    },
    "aarch64": {
        **_NEW, "mount": 40, "unshare": 97, "ptrace": 117, "kill": 129, "socket": 198, "socketpair": 199, "bind": 200,
        "listen": 201, "connect": 203, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221,
        "perf_event_open": 241, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280,
        "execveat": 281, "userfaultfd": 282,
    },
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_CHILD_ONLY = frozenset({"clone", "clone3", "fork", "vfork", "kill", "pidfd_send_signal", "pidfd_open"})


def no_new_privileges() -> None:
    """Neither this process nor any child gains rights by exec; the two confinements below require it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def deny_outside() -> bool:
    """No network, exec, tracing, mounting, keys: for the zygote. False where this machine has no such filter."""
    return _deny(set(_CALLS.get(platform.machine(), {})) - _CHILD_ONLY)


def deny_processes() -> bool:
    """No fork, no thread, no signal to others: for the child."""
    return _deny(set(_CHILD_ONLY))


def program(machine: str, denied: list[int]) -> list[tuple[int, int, int, int]]:
    """BPF instructions (code, jump if true, jump if false, operand): refuse ``denied``, allow the rest."""
    head = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_JEQ, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
    ]
    checks = [(_JGE, len(denied) + 1, 0, _X32)] if machine == "x86_64" else []
    checks += [(_JEQ, len(denied) - at, 0, number) for at, number in enumerate(denied)]
    return [*head, *checks, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]


def _deny(names: set[str]) -> bool:
    machine = platform.machine()
    if machine not in _CALLS:
        return False
    numbers = sorted(number for name, number in _CALLS[machine].items() if name in names)
    code = b"".join(struct.pack("HBBI", *each) for each in program(machine, numbers))
    body = ctypes.create_string_buffer(code, len(code))
    filter_program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(body))  # struct sock_fprog
    return _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(filter_program))


def _prctl(option: int, first: int, second: ctypes.Array[ctypes.c_char] | int = 0) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(option, ctypes.c_ulong(first), second, 0, 0) == 0)
