"""One file may fail, the others are collected; only a failing disk stops all."""

import errno
import os

import pytest

from quantlab_helpers._support.archives import FileEntry
from quantlab_helpers.grading.collect import collector as collector_module
from quantlab_helpers.grading.collect import versions as versions_module
from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.identify import StudentMatcher
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from tests.grading.collect.inbox_files import (
    FILE,
    NAME,
    pack,
    problem_text,
    put,
    submitted,
    work,
)


@pytest.mark.parametrize(
    "name",
    [
        f"hw_s01_attempt_2026-02-30-15-00-00_{FILE}",
        f"hw_s01_attempt_2026-13-01-15-00-00_{FILE}",
        f"hw_s01_attempt_2026-01-30-25-00-00_{FILE}",
        f"hw_s01_attempt_0000-01-01-00-00-00_{FILE}",
        f"hw_s01_attempt_2026-02-30-15-00-00_work/{FILE}",
        f"s01+{NAME}+2026-02-30 15:00:00.000000 UTC+x/{FILE}",
        f"s01+{NAME}+2026-01-30 noon+x/{FILE}",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_collect_impossible_date_fails_one_file(course, inbox, name, packed):
    files = {name: work(), f"hw_s02_attempt_2026-01-30-12-00-00_{FILE}": work("good")}
    pack(inbox, "class.zip|{}" if packed else "{}", files)
    report = collect([inbox], course)
    assert submitted(course) == {("s02", NAME): work("good")}
    [line] = report.problems
    assert name in line.origin
    assert "which does not exist; correct the name" in line.detail


def test_collect_impossible_date_of_damaged_archive(course, inbox):
    put(inbox / "hw_s01_attempt_2026-02-30-15-00-00_work.zip", b"PK half")
    put(inbox / "s02" / FILE, work("good"))
    report = collect([inbox], course)
    assert submitted(course) == {("s02", NAME): work("good")}
    assert "it is damaged" in problem_text(report)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such value"),
        OverflowError("too large"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        RecursionError("too deep"),
        MemoryError(),
        OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)),
        PermissionError(errno.EACCES, os.strerror(errno.EACCES)),
        NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("where", ["read", "match", "lesson", "write"])
def test_collect_error_stops_its_file_only(course, inbox, monkeypatch, error, where):
    for student in ("s01", "s02", "s03"):
        put(inbox / f"{student}_{FILE}", work(student))

    def fail_for_s02(real, shown):
        def call(*arguments, **options):
            if "s02" in shown(*arguments):
                raise error
            return real(*arguments, **options)

        return call

    places = {
        "read": (FileEntry, "read", None),
        "match": (StudentMatcher, "match", lambda self, parts, file: file),
        "lesson": (collector_module, "read_cells", lambda content: content.decode()),
        "write": (versions_module, "write_atomically", lambda path, content: str(path)),
    }
    owner, name, shown = places[where]
    if where == "read":
        real_walk = collector_module.walk_files

        def walk(source):
            for folder in real_walk(source):
                entries = [
                    entry._replace(read=fail_for_s02(entry.read, lambda entry=entry: entry.name))
                    for entry in folder.entries
                ]
                yield folder._replace(entries=entries)

        monkeypatch.setattr(collector_module, "walk_files", walk)
    else:
        monkeypatch.setattr(owner, name, fail_for_s02(getattr(owner, name), shown))
    report = collect([inbox], course)
    if where == "lesson" and isinstance(error, ValueError):
        assert report.problems == []  # read_cells says so of what is no notebook
        return
    assert {student for student, _ in submitted(course)} == {"s01", "s03"}
    [line] = report.problems
    assert f"s02_{FILE}" in line.origin and "it cannot be collected (" in line.detail
    assert type(error).__name__ in line.detail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_collect_failing_disk_stops_all(course, inbox, monkeypatch, number):
    put(inbox / "s01" / FILE)

    def write(path, content):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(versions_module, "write_atomically", write)
    with pytest.raises(OSError, match=os.strerror(number)):
        collect([inbox], course)


def test_collect_long_name_of_other_file(course, inbox):
    names = ["漢" * 99, "x" * 100, "record.json", "TIMESTAMP.txt", "helper.py"]
    files = {FILE: work("mine"), **dict.fromkeys(names, b"x = 1")}
    pack(inbox, "class.zip|s01/{}", files)
    pack(inbox, "class2.zip|s02/{}", {FILE: work("good")})
    report = collect([inbox], course)
    assert {student for student, _ in submitted(course)} == {"s01", "s02"}
    kept = {path.name for path in (course / "submitted" / "s01" / NAME).iterdir()}
    assert kept == {FILE, "timestamp.txt", "x" * 100, "helper.py"}
    assert "3 other files left out" in report.lines[0].detail


def test_collect_damage_in_course_stops_one_student(course, inbox):
    for student in ("s01", "s02", "s03", "s04"):
        put(inbox / student / FILE, work(student))
    collect([inbox / "s04"], course, student="s04")
    [record] = course.glob("quantlab/collected/*/s04/*/record.json")
    record.write_text("{")
    (course / "submitted" / "s01").mkdir(parents=True)
    (course / "submitted" / "s01" / NAME).write_text("no folder")
    report = collect([inbox], course)
    assert {line.student: line.outcome for line in report.lines} == {
        "s01": "problem",
        "s02": "collected",
        "s03": "collected",
        "s04": "problem",
    }


@pytest.mark.parametrize("link", ["s02", f"s02/{NAME}"])
def test_collect_writes_through_no_link(course, inbox, link):
    put(inbox / "a" / "s01" / FILE, work("mine"))
    collect([inbox / "a"], course)
    (course / "submitted" / link).parent.mkdir(exist_ok=True)
    (course / "submitted" / link).symlink_to(course / "submitted" / link.replace("s02", "s01"))
    put(inbox / "b" / "s02" / FILE, work("other"))
    report = collect([inbox / "b"], course)
    assert (course / "submitted" / "s01" / NAME / FILE).read_bytes() == work("mine")
    assert f"'submitted/{link}' in the course folder is a symbolic link" in problem_text(report)
    assert not (course / "quantlab" / "collected" / NAME / "s02").exists()


def test_collect_replaces_link_to_others_notebook(course, inbox):
    put(inbox / "a" / "s01" / FILE, work("mine"))
    collect([inbox / "a"], course)
    folder = course / "submitted" / "s02" / NAME
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(course / "submitted" / "s01" / NAME / FILE)
    put(inbox / "b" / "s02" / FILE, work("mine"))
    collect([inbox / "b"], course)
    assert not (folder / FILE).is_symlink() and (folder / FILE).read_bytes() == work("mine")
    [version] = versions(CourseFolder(course), "s02", NAME)
    assert version.origin == f"b/s02/{FILE}"
