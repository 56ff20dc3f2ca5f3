"""Build bubblewrap's command line and the sandbox's environment variables."""

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

_CPUS = "/sys/devices/system/cpu"  # torch reads the number of CPUs from it


def bubblewrap_command(limits: Limits, program: str = "kernel") -> list[str]:
    """Return the command line of bubblewrap up to ``--``: namespaces, mounts and limits.

    The "kernel" finds empty folders in the place of the solutions; the "judge" finds all.
    """
    bwrap = str(shutil.which("bwrap"))
    command = [bwrap, "--die-with-parent"]
    command += [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup-try")]
    if is_root():
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    size = ["--size", str(4 * limits.file_bytes)] if _supports_size_option(bwrap) else []
    for name in ("/tmp", "/dev/shm"):  # before the mounts for Python, which may be below /tmp
        command += ["--perms", "1777", *size, "--tmpfs", name]
    mounted = [*readable_paths(), "/etc/localtime", _CPUS]
    parents = {folder for path in mounted for folder in Path(path).parents}
    # Folders that bubblewrap makes by itself can only be entered by root.
    for folder in sorted(parents)[1:]:
        command += ["--perms", "0555", "--dir", str(folder)]
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    command += ["--ro-bind-try", _CPUS, _CPUS]
    for path in readable_paths():
        command += ["--ro-bind", path, path]
    if program == "kernel":
        for path in solution_folders():
            command += ["--perms", "0555", "--tmpfs", path, "--remount-ro", path]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    return [*command, "--"]


@functools.cache
def readable_paths() -> tuple[str, ...]:
    """Return the folders that the kernel must read: Python, its libraries, this package, MNIST."""
    paths = {
        "/usr",
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        str(files("quantlab_helpers")),
    }
    searched = [*sys.path, *site.getsitepackages(), site.getusersitepackages()]
    paths |= {path for path in searched if Path(path).name in ("site-packages", "dist-packages")}
    folders = sorted({os.path.realpath(path) for path in paths} | paths)
    folders = [path for path in folders if os.path.isdir(path) and path != "/"]
    return tuple(
        path
        for path in [*folders, f"{_mnist_folder()}/MNIST", _font_list()]
        if not any(path.startswith(f"{folder}/") for folder in folders)
    )


@functools.cache
def solution_folders() -> tuple[str, ...]:
    """Return the folders of the package, and of installed copies, that hold solutions."""
    packages = {Path(path) for path in readable_paths() if Path(path).name == "quantlab_helpers"}
    for path in readable_paths():
        for pattern in ("lib*/python*/*-packages", "local/lib*/python*/*-packages"):
            packages |= set(Path(path).glob(f"{pattern}/quantlab_helpers"))
        packages.add(Path(path, "quantlab_helpers"))
    folders = {folder for package in packages for folder in package.glob("checks/lesson_*")}
    return tuple(sorted(str(folder) for folder in folders if folder.is_dir()))


@functools.cache
def _mnist_folder() -> str:
    """Return the folder with MNIST, unpacked once for all submissions."""
    from ....data import data_folder, load_mnist

    load_mnist("test", limit=1, device="cpu")
    return str(data_folder().resolve())


@functools.cache
def _font_list() -> str:
    """Return the path of matplotlib's font list, which takes seconds to make."""
    import matplotlib.font_manager

    name = f"fontlist-v{matplotlib.font_manager.FontManager.__version__}.json"
    return str(Path(matplotlib.get_cachedir(), name).resolve())


def sandbox_environment(program: str = "kernel") -> dict[str, str]:
    """Return all environment variables of a program in the sandbox."""
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    variables = {f"{library}_NUM_THREADS": "1" for library in libraries}
    variables |= {
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": "/tmp",  # the kernel makes its own at the start
        "USER": "learner",
        "LOGNAME": "learner",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # scores must not depend on the order of a set
        "PYTHONWARNINGS": "ignore",  # warnings of libraries do not concern students
        "PYTHONUSERBASE": str(site.getuserbase()),
        "QUANTLAB_DATA": _mnist_folder(),
        "QUANTLAB_FONTS": _font_list(),
    }
    if program == "kernel":
        variables["QUANTLAB_CHECKS"] = "elsewhere"  # the judge has the exercises
    return variables


@functools.cache
def _supports_size_option(program: str) -> bool:
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30)
    return "--size" in help_text.stdout + help_text.stderr


def is_root() -> bool:
    """Return whether the grader runs as root."""
    return os.geteuid() == 0
