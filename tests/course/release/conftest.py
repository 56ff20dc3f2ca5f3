import pytest

from quantlab_helpers.course.release.packaging import release
from tests.course.release.small_release import LESSON, write_course


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path / "course", _08_doubling=LESSON)


@pytest.fixture
def out(course, tmp_path):
    release(tmp_path / "out", folder=course)
    return tmp_path / "out"


@pytest.fixture
def course_with_wheel(tmp_path):
    folder = write_course(tmp_path / "with-wheel", wheel=True, _08_doubling=LESSON)
    release(tmp_path / "out-with-wheel", folder=folder)
    return folder, tmp_path / "out-with-wheel"
