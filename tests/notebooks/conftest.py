"""Courses for the tests: the real one, built once, and small ones written by a test."""

import shutil

import pytest

from quantlab_helpers.grading.build import build_course
from tests import ROOT


@pytest.fixture
def course(tmp_path):
    """Return a function that writes a course of the given lessons and returns its folder."""

    def write(**lessons):
        sources = tmp_path / "instructor" / "sources"
        sources.mkdir(parents=True, exist_ok=True)
        for file in ("course.toml", "nbgrader_config.py"):
            shutil.copy(ROOT / "instructor" / file, sources.parent)
        for name, text in lessons.items():
            (sources / f"{name.removeprefix('lesson_')}.py").write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture(scope="session")
def lesson():
    """Return a function that builds a lesson of the real course, each one once."""
    built = {}

    def build(name):
        if name not in built:
            [built[name]] = build_course(ROOT, [name]).lessons
        return built[name]

    return build
