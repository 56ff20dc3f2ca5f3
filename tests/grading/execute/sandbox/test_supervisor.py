"""The limits on a sandbox, and what is mounted for it."""

import functools
import os

import pytest

from tests.grading.sandbox_runs import LIMITS, each_level, printed, run_cells, states_of

pytestmark = pytest.mark.process
MEGABYTES_400 = LIMITS._replace(memory_bytes=400 * 2**20, file_bytes=400 * 2**20)

# Each cell takes 800 MB and would keep them.
KINDS_OF_MEMORY = {
    "an anonymous mapping": """
import mmap, time
memory = mmap.mmap(-1, 800_000_000)
for _ in range(80):
    memory.write(bytes(10_000_000))
time.sleep(60)""",
    "a mapping of each process": """
import mmap, os, time
for _ in range(8):
    if os.fork() == 0:
        memory = mmap.mmap(-1, 100_000_000)
        memory.write(bytes(100_000_000))
        time.sleep(60)
time.sleep(60)""",
    "a mapping that processes share": """
import mmap, os, time
memory = mmap.mmap(-1, 800_000_000)
for _ in range(8):
    if os.fork() == 0:
        while True:
            sum(memory[::4096])
for _ in range(80):
    memory.write(bytes(10_000_000))
time.sleep(60)""",
    "a mapping that short-lived processes share": """
import mmap, os, time
memory = mmap.mmap(-1, 800_000_000)
for _ in range(8):
    if os.fork() == 0:
        while True:
            if os.fork() == 0:
                sum(memory[::4096])
                os._exit(0)
            os.wait()
for _ in range(80):
    memory.write(bytes(10_000_000))
time.sleep(60)""",
    "mappings that no process has touched": """
import mmap, time
memories = [mmap.mmap(-1, 100_000_000) for _ in range(8)]
for memory in memories:
    memory.write(bytes(100_000_000))
    memory.madvise(mmap.MADV_DONTNEED)
time.sleep(60)""",
    "files in /dev/shm": """
import time
for number in range(8):
    with open(f"/dev/shm/file{number}", "wb") as file:
        file.write(bytes(100_000_000))
time.sleep(60)""",
    "a deleted file in /dev/shm": """
import os, time
files = []
for number in range(8):
    files.append(open(f"/dev/shm/file{number}", "wb"))
    os.remove(files[-1].name)
    files[-1].write(bytes(100_000_000))
time.sleep(60)""",
    "multiprocessing": """
import time
from multiprocessing.shared_memory import SharedMemory
blocks = [SharedMemory(create=True, size=100_000_000) for _ in range(8)]
for block in blocks:
    block.buf[:] = bytes(100_000_000)
time.sleep(60)""",
    "page tables": """
import mmap, time
memory = mmap.mmap(-1, 400 * 2**30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
for start in range(0, len(memory), 2**21):
    memory[start]
time.sleep(60)""",
    "tensors of torch": """
import time, torch
tensors = [torch.ones(25_000_000).share_memory_() for _ in range(8)]
time.sleep(60)""",
}


IN_SHM = ("files in /dev/shm", "a deleted file in /dev/shm", "multiprocessing", "tensors of torch")


@functools.cache
def has_own_shm(level):
    """Return whether a sandbox of this level has a /dev/shm for itself on this machine."""
    _, ran = run_cells("import os; print(os.stat('/dev/shm').st_dev)", isolation=level)
    return int(printed(ran[0])) != os.stat("/dev/shm").st_dev


@each_level
def test_sandbox_has_its_own_shm(level):
    if level == "prlimit" and not has_own_shm(level):
        pytest.skip("this user may not mount a /dev/shm for a sandbox")
    assert has_own_shm(level)


@pytest.mark.parametrize("kind", KINDS_OF_MEMORY)
@each_level
def test_memory_limit_counts_each_kind(level, kind):
    if "no process has touched" in kind and os.geteuid() != 0:
        pytest.skip("only root can count this")
    if kind in IN_SHM and not has_own_shm(level):
        pytest.skip("this user may not mount a /dev/shm for a sandbox")
    executed, ran = run_cells(
        "kept = 1", KINDS_OF_MEMORY[kind], "print(kept)", limits=MEGABYTES_400, isolation=level
    )
    assert states_of(ran) == ["ok", "memory", "ok"]
    assert printed(ran[2]) == "1\n"
    assert "took more than 0.391 GiB of memory" in executed.detail


def test_memory_limit_counts_files_of_bubblewrap(bubblewrap):
    body = """
import time
for number in range(8):
    with open(f"file{number}", "wb") as file:
        file.write(bytes(100_000_000))
time.sleep(60)"""
    _, ran = run_cells(body, "1", limits=MEGABYTES_400, isolation="bubblewrap")
    assert states_of(ran) == ["memory", "ok"]


@each_level
def test_memory_limit_allows_smaller_shared_mapping(level):
    body = """
import mmap, os, time
memory = mmap.mmap(-1, 200_000_000)
memory.write(bytes(200_000_000))
workers = []
for _ in range(4):
    workers.append(os.fork())
    if not workers[-1]:
        sum(memory[::4096])
        time.sleep(2)
        os._exit(0)
print([os.waitpid(worker, 0)[1] for worker in workers])"""
    _, ran = run_cells(body, limits=MEGABYTES_400, isolation=level)
    assert states_of(ran) == ["ok"] and printed(ran[0]) == "[0, 0, 0, 0]\n"


@each_level
def test_memory_limit_counts_forked_pages_once(level):
    body = """
import multiprocessing, time
data = bytes(range(250)) * 800_000
def work(number):
    time.sleep(1)
    return data[number]
with multiprocessing.get_context("fork").Pool(4) as pool:
    print(sum(pool.map(work, range(8), chunksize=1)))"""
    _, ran = run_cells(body, limits=MEGABYTES_400, isolation=level)
    assert states_of(ran) == ["ok"] and printed(ran[0]) == "28\n"


@each_level
def test_memory_limit_counts_rewritten_forked_pages(level):
    body = """
import os, time
data = bytearray(150_000_000)
for _ in range(8):
    if os.fork() == 0:
        for start in range(0, len(data), 4096):
            data[start] = 1
        time.sleep(60)
time.sleep(60)"""
    _, ran = run_cells(body, "1", limits=MEGABYTES_400, isolation=level)
    assert states_of(ran) == ["memory", "ok"]


@each_level
def test_memory_limit_ignores_names_of_processes(level):
    """A process can choose the name that it has in the files that the supervisor reads."""
    body = """
import ctypes, time
for name in (b"\\xff\\xfe", b"1 kB", b"kB kB kB", b"a\\nVmPTE: 9 kB"):
    ctypes.CDLL(None).prctl(15, name)
    time.sleep(0.3)"""
    _, ran = run_cells(body, "1", limits=MEGABYTES_400, isolation=level)
    assert states_of(ran) == ["ok", "ok"]
