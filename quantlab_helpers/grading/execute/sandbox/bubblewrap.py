"""What a jail is made of: what can be seen in it, and what its surroundings tell.

The walls themselves are bubblewrap's; here is only its command line.
"""

from __future__ import annotations

import functools
import os
import shutil
import site
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ...records import Limits

_CPUS = "/sys/devices/system/cpu"  # torch asks how many there are


def bubblewrap(limits: Limits) -> list[str]:
    """Return bubblewrap's part of the command: what is seen, and that nothing is shared."""
    program = str(shutil.which("bwrap"))
    command = [program, "--die-with-parent"]
    command += [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup-try")]
    if is_root():
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    size = ["--size", str(4 * limits.file_bytes)] if _knows_size(program) else []
    for name in ("/tmp", "/dev/shm"):  # before what Python needs, which may lie below /tmp
        command += ["--perms", "1777", *size, "--tmpfs", name]
    seen = [*readable(), "/etc/localtime", _CPUS]
    parents = {folder for path in seen for folder in Path(path).parents}
    for folder in sorted(parents)[1:]:  # where bubblewrap itself makes them, only root may enter
        command += ["--perms", "0555", "--dir", str(folder)]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--ro-bind-try", _CPUS, _CPUS]
    for path in readable():
        command += ["--ro-bind", path, path]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    return [*command, "--"]


@functools.cache
def readable() -> tuple[str, ...]:
    """Return what the kernel has to read: Python, its libraries, this package, no more of it."""
    paths = {
        "/usr",
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        str(files("quantlab_helpers")),
    }
    folders = [*sys.path, *site.getsitepackages(), site.getusersitepackages()]
    paths |= {path for path in folders if Path(path).name in ("site-packages", "dist-packages")}
    found = sorted({os.path.realpath(path) for path in paths} | paths)
    found = [path for path in found if os.path.isdir(path) and path != "/"]
    return tuple(
        path
        for path in [*found, f"{_data()}/MNIST", _fonts()]
        if not any(path.startswith(f"{other}/") for other in found)
    )


@functools.cache
def _data() -> str:
    """Return the folder of MNIST, unpacked once for all submissions."""
    from ....data import data_folder, load_mnist

    load_mnist("test", limit=1, device="cpu")
    return str(data_folder().resolve())


@functools.cache
def _fonts() -> str:
    """Return matplotlib's list of fonts; making it anew takes seconds."""
    import matplotlib.font_manager

    name = f"fontlist-v{matplotlib.font_manager.FontManager.__version__}.json"
    return str(Path(matplotlib.get_cachedir(), name).resolve())


def environment() -> dict[str, str]:
    """Return all that the kernel is told by its surroundings."""
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    told = {f"{library}_NUM_THREADS": "1" for library in libraries}
    told |= {
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": "/tmp",  # until the kernel has made one
        "USER": "learner",
        "LOGNAME": "learner",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # a grade must not hang on the order of a set
        "PYTHONWARNINGS": "ignore",  # a library's warning is not the learner's
        "PYTHONUSERBASE": str(site.getuserbase()),
        "QUANTLAB_DATA": _data(),
        "QUANTLAB_FONTS": _fonts(),
    }
    return told


@functools.cache
def _knows_size(program: str) -> bool:
    told = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30)
    return "--size" in told.stdout + told.stderr


def is_root() -> bool:
    """Return whether the one who grades is root."""
    return os.geteuid() == 0
