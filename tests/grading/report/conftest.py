import pytest

from tests.grading.small_course import small_course


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")
