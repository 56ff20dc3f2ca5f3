"""The package as a wheel, so that learners can install it without a package index.

A wheel of plain Python is a zip with a list of its contents, so none of the build tools is needed
here, and the same files give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Mapping
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from ..._support.archives import pack

_NAME = "quantlab-helpers"
_TAGS = "Wheel-Version: 1.0\nGenerator: quantlab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(notebooks: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Pack the package that is running into a wheel.

    Parameters
    ----------
    notebooks : mapping of str to bytes
        The notebooks that `quantlab lab` will copy, by file name.

    Returns
    -------
    tuple of (str, bytes)
        The file's name and its content.

    Examples
    --------
    >>> name, content = make_wheel({})
    >>> name.endswith("-py3-none-any.whl"), content[:2]
    (True, b'PK')
    """
    package = Path(str(files("quantlab_helpers")))
    head, scripts, version = _metadata(package.parent)
    info = f"{_NAME.replace('-', '_')}-{version}.dist-info"
    contents = {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and _belongs(path.relative_to(package).parts)
    }
    contents |= {f"quantlab_helpers/notebooks/{name}": notebooks[name] for name in notebooks}
    contents[f"{info}/METADATA"] = head.encode()
    contents[f"{info}/WHEEL"] = _TAGS.encode()
    contents[f"{info}/entry_points.txt"] = scripts.encode()
    record = [f"{name},{_sum(content)},{len(content)}" for name, content in contents.items()]
    record.append(f"{info}/RECORD,,")
    contents[f"{info}/RECORD"] = ("\n".join(record) + "\n").encode()
    return f"{_NAME.replace('-', '_')}-{version}-py3-none-any.whl", pack(contents)


def _belongs(parts: tuple[str, ...]) -> bool:
    return parts[0] != "notebooks" and "__pycache__" not in parts and parts[-1][0] != "."


def _sum(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"


def _metadata(root: Path) -> tuple[str, str, str]:
    """Return (METADATA, entry points, version), from the checkout if there is one.

    What an editable installation recorded may be older than the checkout.
    """
    project = root / "pyproject.toml"
    if not project.is_file():
        installed = metadata.distribution(_NAME)
        head = installed.read_text("METADATA") or ""
        return head, installed.read_text("entry_points.txt") or "", installed.version
    plain = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {plain['name']}",
        f"Version: {plain['version']}",
        f"Summary: {plain['description']}",
        f"License: {plain['license']}",
        f"Requires-Python: {plain['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in plain["dependencies"]),
    ]
    for extra, requirements in plain["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {one}; extra == "{extra}"' for one in requirements]
    scripts = "".join(f"{name} = {target}\n" for name, target in plain["scripts"].items())
    return "\n".join(lines) + "\n", f"[console_scripts]\n{scripts}", plain["version"]
