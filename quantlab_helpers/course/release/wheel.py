"""The package as a wheel, so that learners can install it without a package index.

hatchling, the project's build backend, makes the wheel in this process and without a network; the
same files give the same bytes.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from hatchling.builders.wheel import WheelBuilder
from hatchling.metadata.spec import project_metadata_from_core_metadata


def make_wheel(notebooks: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Build a wheel of the package that is running, with the given notebooks.

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
    with tempfile.TemporaryDirectory() as folder:
        included = Path(folder, "notebooks")
        included.mkdir()
        for name, content in notebooks.items():
            (included / name).write_bytes(content)
        target = {
            "packages": [package.name],
            "exclude": [".*", f"/{package.name}/notebooks"],
            "force-include": {str(included): f"{package.name}/notebooks"},
            # The running package is complete; a repository around it may ignore its folder.
            "ignore-vcs": True,
            "core-metadata-version": "2.4",  # that older versions of pip know
        }
        config = {
            "project": _project(package.parent),
            "tool": {"hatch": {"build": {"targets": {"wheel": target}}}},
        }
        builder = WheelBuilder(str(package.parent), config=config)
        [wheel] = map(Path, builder.build(directory=folder, versions=["standard"]))
        return wheel.name, wheel.read_bytes()


def _project(root: Path) -> dict[str, Any]:
    """Return the table ``project`` of pyproject.toml, from a checkout or from an installation.

    In a checkout the metadata of an editable installation may be out of date.
    """
    path = root / "pyproject.toml"
    if path.is_file():
        project: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        return project
    installed = metadata.distribution("quantlab-helpers")
    project = project_metadata_from_core_metadata(installed.read_text("METADATA") or "")
    project["license-files"] = []  # their texts are beside METADATA, not in the package
    project["scripts"] = {
        script.name: script.value
        for script in installed.entry_points.select(group="console_scripts")
    }
    return project
