import sys

import numpy as np
import pytest

from quantlab_helpers import checks
from quantlab_helpers.checks.registry import load_exercises

EXERCISE = """\
from quantlab_helpers.checks.exercise import ValueExercise
EXERCISE = ValueExercise(name={name!r}, rule="", well_formed=bool, judge=lambda value: None)
"""


def test_check_prints_right(capsys):
    checks.check("uniform-levels", lambda low, high, bits: np.linspace(low, high, 2**bits))
    assert capsys.readouterr().out == "uniform-levels: right.\n"


def test_check_unknown_exercise_suggests_names():
    with pytest.raises(ValueError, match=r"got 'uniform-level'; did you mean 'uniform-levels'"):
        checks.check("uniform-level", len)
    with pytest.raises(ValueError, match="asks for one function"):
        checks.check("uniform-levels")
    with pytest.raises(ValueError, match=r"asks for a function; call checks\.check"):
        checks.answered("uniform-levels", 3)
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        checks.check("uniform-levels", len, seed=0.5)


def test_compare_guess_prints_both_numbers(capsys):
    checks.compare_guess(0.5, 0.25, unit="of the weights")
    checks.compare_guess("many", 3)
    checks.compare_guess(None, 1_000)
    assert capsys.readouterr().out.splitlines() == [
        "You guessed 0.5 of the weights; measured: 0.25 of the weights.",
        "You guessed 'many'; measured: 3.",
        "You made no guess; measured: 1,000. "
        "Write one down before you look: that is how it sticks.",
    ]


@pytest.mark.parametrize(
    ("guess", "measured", "unit", "printed"),
    [
        (98, 97.7528, "%", "You guessed 98%; measured: 97.8%."),
        (5, 6.06061, "times smaller", "You guessed 5 times smaller; measured: 6.06 times smaller."),
        (1, -14.033, "dB", "You guessed 1 dB; measured: -14.0 dB."),
        (1, 2, "bits", "You guessed 1 bit; measured: 2 bits."),
        (
            3,
            1.0,
            "percentage points",
            "You guessed 3 percentage points; measured: 1 percentage point.",
        ),
        (1, 1.004, "times", "You guessed 1 times; measured: 1.00 times."),
        (0, 123456.7, "bytes", "You guessed 0 bytes; measured: 123,457 bytes."),
        (0, np.float32(0.125), "", "You guessed 0; measured: 0.125."),
    ],
)
def test_compare_guess_rounds_to_three_digits(guess, measured, unit, printed, capsys):
    checks.compare_guess(guess, measured, unit=unit)
    assert capsys.readouterr().out == f"{printed}\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that writes modules into a package of lessons and loads its exercises."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(**modules):
        for place, source in modules.items():
            path = tmp_path / "toy_checks" / f"{place.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return load_exercises(str(tmp_path / "toy_checks"), "toy_checks")

    yield load
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy_checks"]:
        del sys.modules[name]


def test_load_exercises_finds_modules_of_lessons(package):
    exercises = package(
        lesson_01__make_it_double=EXERCISE.format(name="make-it-double"),
        lesson_01___shared="raise ImportError",
        other__module="raise ImportError",
    )
    assert list(exercises) == ["make-it-double"]


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ({"lesson_01__halve": ""}, r"lesson_01/halve\.py has no exercise; define `EXERCISE"),
        (
            {"lesson_01__halve": EXERCISE.format(name="cut-in-two")},
            r"lesson_01/halve\.py defines the exercise 'cut-in-two'; rename the file to "
            r"cut_in_two\.py, or the exercise to 'halve'",
        ),
        (
            {f"lesson_0{n}__halve": EXERCISE.format(name="halve") for n in (1, 2)},
            r"lesson_02/halve\.py: another lesson has an exercise 'halve'",
        ),
    ],
    ids=["none", "name", "twice"],
)
def test_load_exercises_errors_name_the_file(package, modules, words):
    with pytest.raises(ImportError, match=words):
        package(**modules)
