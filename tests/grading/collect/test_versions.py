"""Every version is kept, and the latest is what nbgrader grades."""

import hashlib
import json
import shutil
from datetime import datetime

import pytest
from nbgrader.coursedir import CourseDirectory

from quantlab_helpers.grading.collect import versions as versions_module
from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from tests.grading.collect.inbox_files import (
    FILE,
    NAME,
    OTHER,
    outcomes,
    put,
    submitted,
    tree,
    work,
)


def test_collect_keeps_all_versions_latest_counts(course, inbox):
    put(inbox / "s01" / "02_uniform_quantization (1).ipynb", work("second"), minute=2)
    put(inbox / "s01" / FILE, work("third"), minute=3)
    put(inbox / "s01" / "old" / FILE, work("first"), minute=1)
    report = collect([inbox], course)
    assert outcomes(report) == ["collected", "replaced", "kept aside"]
    assert submitted(course) == {("s01", NAME): work("third")}
    kept = versions(CourseFolder(course), "s01", NAME)
    assert [version.time[14:16] for version in kept] == ["02", "03", "01"]
    assert len(list((course / "quantlab" / "collected" / NAME / "s01").glob(f"*/{FILE}"))) == 3


def test_collect_equal_times_higher_copy_number(course, inbox):
    for number in ("", " (1)", " (10)", " (2)"):
        put(inbox / "s01" / f"{NAME}{number}.ipynb", work(number))
    collect([inbox], course)
    assert submitted(course) == {("s01", NAME): work(" (10)")}


def test_collect_again_changes_nothing(course, inbox):
    put(inbox / "s01" / FILE)
    put(inbox / "s01" / "old" / FILE, minute=-5)
    put(inbox / "s02" / "helper.py", b"x = 1")
    put(inbox / "s02" / FILE)
    collect([inbox], course)
    before = tree(course)
    assert set(outcomes(collect([inbox], course))) == {"unchanged"}
    assert tree(course) == before


def test_collect_later_replaces_older_does_not(course, inbox):
    put(inbox / "a" / "s01" / FILE, work("second"), minute=2)
    put(inbox / "b" / "s01" / FILE, work("third"), minute=3)
    put(inbox / "c" / "s01" / FILE, work("first"), minute=1)
    for folder, outcome in (("a", "collected"), ("b", "replaced"), ("c", "kept aside")):
        assert outcomes(collect([inbox / folder], course)) == [outcome]
    assert submitted(course) == {("s01", NAME): work("third")}


def test_collect_earlier_version_handed_in_again(course, inbox):
    for minute, text in enumerate(["one", "two", "one"]):
        stamp = f"s01+{NAME}+2026-01-30 12:{minute:02}:00.000000 UTC+x"
        put(inbox / str(minute) / stamp / FILE, work(text))
        collect([inbox / str(minute)], course)
    assert submitted(course) == {("s01", NAME): work("one")}
    assert versions(CourseFolder(course), "s01", NAME)[-1].time == "2026-01-30T12:02:00+00:00"


def test_collect_keeps_notebook_fixed_by_hand(course, inbox):
    put(inbox / "s01" / FILE, work("broken"))
    collect([inbox], course)
    (course / "submitted" / "s01" / NAME / FILE).write_bytes(work("fixed"))
    assert outcomes(collect([inbox], course)) == ["unchanged"]
    assert submitted(course) == {("s01", NAME): work("fixed")}
    put(inbox / "s01" / "new" / FILE, work("handed in again"), minute=9)
    collect([inbox], course)
    assert submitted(course) == {("s01", NAME): work("handed in again")}
    assert len(versions(CourseFolder(course), "s01", NAME)) == 3


def test_collect_restores_deleted_submission(course, inbox):
    put(inbox / "s01" / FILE, work("mine"))
    collect([inbox], course)
    shutil.rmtree(course / "submitted")
    assert outcomes(collect([inbox], course)) == ["unchanged"]
    assert submitted(course) == {("s01", NAME): work("mine")}


def test_collect_finishes_a_killed_run(course, inbox, monkeypatch):
    for student in ("s01", "s02"):
        put(inbox / student / FILE, work(student))
        put(inbox / student / "helper.py", b"x = 1")
    collect([inbox], course)
    whole = {path.relative_to(course): content for path, content in tree(course).items()}
    real = versions_module.write_atomically
    for step in range(10):
        for part in ("submitted", "quantlab"):
            shutil.rmtree(course / part, ignore_errors=True)
        left = [step]

        def write(path, content, left=left):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            real(path, content)

        monkeypatch.setattr(versions_module, "write_atomically", write)
        with pytest.raises(KeyboardInterrupt):
            collect([inbox], course)
        monkeypatch.setattr(versions_module, "write_atomically", real)
        assert collect([inbox], course).problems == []
        assert {path.relative_to(course): text for path, text in tree(course).items()} == whole


def test_collect_writes_timestamp_that_nbgrader_reads(course, inbox):
    put(inbox / f"s01+{NAME}+2026-01-30 12:34:56.789000 UTC+x" / FILE)
    put(inbox / "s02" / FILE, minute=7)
    collect([inbox], course)
    reader = CourseDirectory()
    read = {
        student: reader.get_existing_timestamp(str(course / "submitted" / student / NAME))
        for student in ("s01", "s02")
    }
    assert read["s01"] == datetime(2026, 1, 30, 12, 34, 56, 789000)
    assert read["s02"] == datetime(2026, 1, 30, 12, 7)


def test_collect_removes_files_of_replaced_version(course, inbox):
    put(inbox / "a" / "s01" / FILE, work("a"), minute=1)
    put(inbox / "a" / "s01" / "old_helper.py", b"x = 1")
    put(inbox / "b" / "s01" / FILE, work("b"), minute=2)
    collect([inbox / "a", inbox / "b"], course)
    names = sorted(path.name for path in (course / "submitted" / "s01" / NAME).iterdir())
    assert names == [FILE, "timestamp.txt"]


def test_collect_records_sum_and_origin(course, inbox):
    put(inbox / "s01" / FILE, work("mine"))
    collect([inbox], course)
    [record] = course.glob("quantlab/collected/*/*/*/record.json")
    plain = json.loads(record.read_bytes())
    assert plain["sha256"] == hashlib.sha256(work("mine")).hexdigest()
    assert plain["origin"] == f"inbox/s01/{FILE}"
    assert CourseFolder(course).outlines().keys() == {NAME, OTHER}
