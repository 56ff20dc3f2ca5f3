import shutil

import pytest

from quantlab_helpers.course.workspace import notebooks_folder
from tests.grading.collect.inbox_files import NAME, OTHER


@pytest.fixture
def course(tmp_path):
    """nbgrader's course folder, as far as collecting needs it."""
    folder = tmp_path / "course"
    for name in (NAME, OTHER):
        (folder / "source" / name).mkdir(parents=True)
        shutil.copy(notebooks_folder() / f"{name}.ipynb", folder / "source" / name)
    return folder


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder
