import pytest

from quantlab_helpers.grading.execute.sandbox.sandbox import why_no_bubblewrap
from tests.grading.classroom import a_course


@pytest.fixture
def course(tmp_path):
    """Return a course folder with the small lesson and an empty gradebook."""
    return a_course(tmp_path)


@pytest.fixture
def bubblewrap():
    """Skip the test where bubblewrap does not work."""
    if (reason := why_no_bubblewrap()) is not None:
        pytest.skip(f"no bubblewrap: {reason}")


@pytest.fixture
def level(request):
    """Return the level of isolation that is the parameter."""
    if request.param == "bubblewrap":
        request.getfixturevalue("bubblewrap")
    return request.param
