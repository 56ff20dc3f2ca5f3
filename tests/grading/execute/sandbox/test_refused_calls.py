"""`filter_program`: the system calls that fail in a sandbox, and what goes on to work."""

import platform

import pytest

from quantlab_helpers.grading.execute.sandbox import refused_calls
from tests.grading.sandbox_runs import each_level, printed, run_cells, states_of

needs_filter = pytest.mark.skipif(
    not refused_calls.filter_program(), reason="no filter of system calls on this machine"
)


@pytest.mark.process
@needs_filter
@each_level
def test_user_namespaces_cannot_be_made(level):
    body = """
import ctypes, os, signal, subprocess
from errno import errorcode
libc = ctypes.CDLL(None, use_errno=True)
new_user, new_mounts = 0x10000000, 0x20000
clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
print(libc.unshare(new_user), errorcode[ctypes.get_errno()])
print(libc.unshare(new_user | new_mounts), errorcode[ctypes.get_errno()])
print(libc.syscall(clone, new_user | signal.SIGCHLD, 0, 0, 0, 0), errorcode[ctypes.get_errno()])
print(libc.syscall(435, 0, 0), errorcode[ctypes.get_errno()])  # clone3"""
    _, ran = run_cells(body, isolation=level)
    assert states_of(ran) == ["ok"]
    assert printed(ran[0]).split("\n") == ["-1 EPERM"] * 3 + ["-1 ENOSYS", ""]


@pytest.mark.process
@needs_filter
@each_level
def test_memory_without_mapping_is_refused(level):
    """The supervisor could not count it: no process maps it and no file system holds it."""
    body = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
try:
    os.memfd_create("name")
except OSError as error:
    print(error.strerror)
print(libc.shmget(0, 4096, 0o1600), os.strerror(ctypes.get_errno()))
print(libc.msgget(0, 0o1600), os.strerror(ctypes.get_errno()))"""
    _, ran = run_cells(body, isolation=level)
    missing = "Function not implemented"
    assert printed(ran[0]).split("\n") == [missing, f"-1 {missing}", f"-1 {missing}", ""]


@pytest.mark.process
@each_level
def test_refused_calls_spare_ordinary_notebooks(level):
    body = """
import multiprocessing, os, subprocess, threading
import matplotlib.pyplot as plt
import torch
print(subprocess.run(["echo", "a program"], capture_output=True, text=True).stdout, end="")
thread = threading.Thread(target=print, args=("a thread",))
thread.start()
thread.join()
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
batches = torch.utils.data.DataLoader(torch.arange(4), batch_size=2, num_workers=2)
print([batch.tolist() for batch in batches])
torch.set_num_threads(2)
print(torch.ones(500, 500).mm(torch.ones(500, 500)).sum().item())
plt.plot([1, 2])
plt.show()"""
    _, ran = run_cells(body, isolation=level)
    assert states_of(ran) == ["ok"]
    lines = printed(ran[0]).splitlines()
    assert lines == ["a program", "a thread", "[1, 2]", "[[0, 1], [2, 3]]", "125000000.0"]
    assert "image/png" in ran[0].outputs[-1].data


def test_filter_program_fits_each_machine(monkeypatch):
    monkeypatch.setattr(refused_calls.os.path, "exists", lambda path: True)
    programs = []
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        programs.append(refused_calls.filter_program())
    assert len(programs[0]) == len(programs[1]) and programs[0] != programs[1]


def test_filter_program_is_empty_elsewhere(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert refused_calls.filter_program() == b""
