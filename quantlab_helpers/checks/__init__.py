"""Judge exercises: run an answer on cases, compare with the solution, name the misconception."""

from .exercise import CheckFailed as CheckFailed
from .exercise import NotAnswered as NotAnswered
from .registry import EXERCISES as EXERCISES
from .registry import answered as answered
from .registry import check as check
from .registry import compare_guess as compare_guess
from .registry import points as points
