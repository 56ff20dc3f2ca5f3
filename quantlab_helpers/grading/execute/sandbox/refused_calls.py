"""The system calls that a sandbox refuses, as a filter that the kernel of Linux applies.

Refused are those that give a process rights of its own over mounts and networks (a user
namespace), and those that keep memory which no process maps, so that nobody could count it.
"""

from __future__ import annotations

import errno
import os
import platform
import struct

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column below, AUDIT_ARCH_*
_ABSENT = {  # the numbers on (x86_64, aarch64); as on a kernel that does not have them
    "clone3": (435, 435),  # its flags are in memory, which a filter cannot read; clone remains
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "vmsplice": (278, 75),
    "io_uring_setup": (425, 425),
}
_WITHOUT_NAMESPACE = {"clone": (56, 220), "unshare": (272, 97)}  # their first argument is flags
_CLONE_NEWUSER = 0x10000000
_X32_CALLS = 0x40000000  # the same calls of x86_64 under other numbers

_LOAD, _RETURN = 0x20, 0x06  # instructions of a filter, from linux/bpf_common.h
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


def filter_program() -> bytes:
    """Return the filter for this machine, as seccomp(2) takes it; empty where there is none.

    Returns
    -------
    bytes
        Instructions of 8 bytes each. Empty on other machines than x86_64 and aarch64, and where
        the kernel has no filters.

    Examples
    --------
    >>> len(filter_program()) % 8
    0
    """
    machine = platform.machine()
    if machine not in _MACHINES or not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return b""
    column, audit_number = _MACHINES[machine]
    absent = _instruction(_RETURN, _ERROR | errno.ENOSYS)
    program = [
        _instruction(_LOAD, _MACHINE),
        _instruction(_IF_EQUAL, audit_number, skip_if=1),  # else a call of 32 bits
        absent,
        _instruction(_LOAD, _NUMBER),
        _instruction(_IF_AT_LEAST, _X32_CALLS, skip_else=1),
        absent,
    ]
    for numbers in _ABSENT.values():
        program += [_instruction(_IF_EQUAL, numbers[column], skip_else=1), absent]
    for numbers in _WITHOUT_NAMESPACE.values():
        program += [
            _instruction(_IF_EQUAL, numbers[column], skip_else=4),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_IF_ANY_BIT, _CLONE_NEWUSER, skip_else=1),
            _instruction(_RETURN, _ERROR | errno.EPERM),
            _instruction(_RETURN, _ALLOW),
        ]
    return b"".join([*program, _instruction(_RETURN, _ALLOW)])


def _instruction(code: int, value: int, *, skip_if: int = 0, skip_else: int = 0) -> bytes:
    """Return one instruction; a condition skips as many of the next ones as it says."""
    return struct.pack("=HBBI", code, skip_if, skip_else, value)
