"""Files of students are copied to ``submitted/``; the report has a line for every problem."""

import random
import stat
import zipfile

import pytest

from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.identify import StudentMatcher
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.roster import Student
from tests.grading.collect.inbox_files import (
    FILE,
    NAME,
    OTHER,
    bundle,
    outcomes,
    put,
    submitted,
    tree,
    work,
    zipped,
)


def only_problem(report):
    [line] = report.problems
    return f"{line.origin}: {line.detail}"


@pytest.mark.parametrize(
    "path",
    [
        f"s01/{FILE}",
        "s01/02_uniform_quantization (1).ipynb",
        "s01/02_UNIFORM_quantization.IPYNB",
        f"s01/deep/er/my-notebooks/{FILE}",
        "s01/Untitled7.ipynb",
        f"s01_{FILE}",
        f"{NAME}/s01/{FILE}",
        f"submitted/s01/{NAME}/{FILE}",
        f"inbound/s01+{NAME}+2026-01-30 12:00:00.000000 UTC+a1b2/{FILE}",
        f"s01_1234567_assignsubmission_file_/{FILE}",
        f"s01_1234567_assignsubmission_file_{FILE}",
        "s01_LATE_77_123456_02_uniform_quantization-1.ipynb",
        f"hw_s01_attempt_2026-01-30-12-00-00_{FILE}",
        f"s01/{FILE}.txt",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_collect_finds_notebook_at_any_path(course, inbox, path, packed):
    content = work("mine")
    if packed:
        zipped({path: content}, inbox / "class.zip")
    else:
        put(inbox / path, content)
    report = collect([inbox / "class.zip" if packed else inbox], course)
    assert outcomes(report) == ["collected"], report
    assert submitted(course) == {("s01", NAME): content}


def test_collect_moodle_download_with_bad_files(course, inbox):
    def folder(name):
        return f"{name}_1{name[-2:]}_assignsubmission_file_"

    link = zipfile.ZipInfo(f"{folder('s06')}/{FILE}")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {
        f"{folder('s01')}/{FILE}": work("s01"),
        f"{folder('s02')}/work.zip": zipped({f"a/b/{FILE}": work("s02")}),
        f"{folder('s03')}/work.zip": b"PK\x03\x04 half",
        f"{folder('s04')}/{FILE}": b"",
        f"{folder('s05')}/{FILE}": b'{"cells": [',
        f"{folder('s07')}/report.pdf": b"%PDF",
        f"{folder('s08')}/../../../{FILE}": work("slip"),
        f"{folder('s09')}/Untitled.ipynb": b'{"cells": [], "nbformat": 4}',
        f"Nobody Known_99_assignsubmission_file_/{FILE}": work("nobody"),
        f"{folder('s10')}/bomb.zip": zipped({FILE: b"\0" * (65 << 20)}),
        f"{folder('s11')}/work.7z": b"7z",
        f"{folder('s12')}/{FILE}": work("s12"),
        f"{folder('s13')}/onlinetext.html": b"<p>see attachment</p>",
    }
    path = zipped(files, inbox / "moodle.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    roster = [Student(f"s{number:02}") for number in range(1, 15)]
    before = tree(inbox)
    report = collect([path], course, students=StudentMatcher(roster))
    assert sorted(student for student, _ in submitted(course)) == [
        "s01", "s02", "s04", "s05", "s12",
    ]  # fmt: skip
    details = {(line.student, line.outcome): line.detail for line in report.lines}
    assert "not a notebook: the file is empty" in details["s04", "collected"]
    assert "not a notebook: it is not JSON" in details["s05", "collected"]
    problems = {line.origin: line.detail for line in report.problems}
    problem_text = "\n".join(f"{origin}: {detail}" for origin, detail in problems.items())
    for words in (
        "s03_103_assignsubmission_file_/work.zip: it is damaged",
        f"s06_106_assignsubmission_file_/{FILE}: it is a symbolic link",
        "'report.pdf' is no notebook",
        "its path leads out of the archive",
        "Untitled.ipynb: it belongs to no lesson",
        "'Nobody Known', who is not in the list of students",
        "bomb.zip/02_uniform_quantization.ipynb: it grows out of all proportion",
        "work.7z: 7z and rar archives are not read",
        "'onlinetext.html' is no notebook",
    ):
        assert words in problem_text, problem_text
    assert len(report.problems) == 9
    assert report.missing == {NAME: ["s03", "s06", "s07", "s08", "s09", "s10", "s11", "s13", "s14"]}
    assert tree(inbox) == before


def test_collect_writes_only_inside_the_course(course, inbox, tmp_path):
    before = set(tree(tmp_path))
    names = [
        f"../{FILE}",
        f"..\\..\\{FILE}",
        f"/tmp/evil/{FILE}",
        f"..+{NAME}+2026-01-30 1+x/{FILE}",
    ]
    names += [f"../../s01/{NAME}/{FILE}", f"hw_.._attempt_2026-01-30-12-00-00_{FILE}"]
    collect([zipped(dict.fromkeys(names, work()), inbox / "class.zip")], course)
    written = set(tree(tmp_path)) - before - {inbox / "class.zip"}
    assert all((course / "submitted") in path.parents or (course / "quantlab") in path.parents
               for path in written)  # fmt: skip
    assert not any(".." in path.parts for path in written)


def test_collect_takes_most_reliable_time(course, inbox):
    put(inbox / "s01" / FILE, minute=5)
    put(inbox / "s01" / "timestamp.txt", b"2026-01-29 10:00:00.000000 UTC")
    put(inbox / "s02" / FILE, minute=5)
    put(inbox / "s02" / "timestamp.txt", b"yesterday")
    put(inbox / "s03" / FILE, minute=60 * 24 * 365 * 60)
    details = {line.student: line.detail for line in collect([inbox], course).lines}
    assert details["s01"] == "2026-01-29 10:00 UTC by timestamp.txt"
    assert details["s02"] == "2026-01-30 12:05 UTC by the file's date"
    assert details["s03"].endswith("by the time of collecting")


def test_collect_takes_own_files_only(course, inbox):
    put(inbox / "s01" / FILE)
    put(inbox / "s01" / "helper.py", b"x = 1")
    put(inbox / "s01" / "data" / "big.csv", b"1")
    put(inbox / "s01" / "-odd\nname", b"1")
    put(inbox / f"s02_{FILE}")
    put(inbox / "notes.txt", b"the instructor's")
    report = collect([inbox], course)
    names = {
        student: sorted(path.name for path in (course / "submitted" / student / NAME).iterdir())
        for student in ("s01", "s02")
    }
    assert names["s01"] == [FILE, "helper.py", "timestamp.txt"]
    assert names["s02"] == [FILE, "timestamp.txt"]
    assert "1 other files left out" in next(
        line.detail for line in report.lines if line.student == "s01"
    )


def test_collect_lesson_by_content_before_name(course, inbox):
    put(inbox / "s01" / f"{OTHER}.ipynb", work("mine"))
    report = collect([inbox], course)
    assert submitted(course) == {("s01", NAME): work("mine")}
    assert f"named like {OTHER}" in report.lines[0].detail


def test_collect_student_and_lesson_by_option(course, inbox):
    put(inbox / "Untitled.ipynb", b'{"cells": [], "nbformat": 4}')
    assert "no name in its path is a student's" in only_problem(collect([inbox], course))
    text = only_problem(collect([inbox], course, student="s01"))
    assert "belongs to no lesson, by neither content nor name; pass --lesson" in text
    report = collect([inbox], course, student="s01", lesson="02")
    assert outcomes(report) == ["collected"] and "no exercise is left" in report.lines[0].detail


def test_collect_two_lessons_in_one_folder(course, inbox):
    put(inbox / "s01" / FILE, work("a"))
    put(inbox / "s01" / f"{OTHER}.ipynb", work("b", OTHER))
    collect([inbox], course)
    assert submitted(course) == {("s01", NAME): work("a"), ("s01", OTHER): work("b", OTHER)}


def test_collect_refuses_notebooks_of_the_course(course):
    report = collect([course], course)
    assert submitted(course) == {} and len(report.problems) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sources": ["gone"]}, "There is no 'gone' to collect from"),
        ({"lesson": "99"}, "There is no lesson '99'; there are: 02_uniform"),
        ({"student": "../x"}, "--student: '../x' cannot be a student's id"),
        ({"course": "gone"}, "There are no lessons in .*; run: quantlab build"),
    ],
)
def test_collect_refuses_before_writing(course, inbox, arguments, words):
    options = {"sources": [inbox], "course": course, **arguments}
    sources, folder = options.pop("sources"), options.pop("course")
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        collect(sources, folder, **options)
    assert not (course / "submitted").exists()


def test_collect_bundle_stores_its_receipt(course, inbox):
    _, receipt = bundle(inbox)
    report = collect([inbox], course)
    assert outcomes(report) == ["collected"]
    assert report.lines[0].detail == "2026-01-30 12:00 UTC by the learner's clock"
    [version] = versions(CourseFolder(course), "s01", NAME)
    assert [stored["id"] for stored in version.receipts] == [receipt.id]
    assert version.sha256 == receipt.notebooks[NAME]


def test_collect_bundle_belongs_to_its_uploader(course, inbox):
    path, _ = bundle(inbox, student="s01")
    content = path.read_bytes()
    path.unlink()
    zipped({f"s02_9_assignsubmission_file_/{path.name}": content}, inbox / "moodle.zip")
    report = collect([inbox], course)
    assert report.lines[0].student == "s02"
    assert "its author says 's01'" in report.lines[0].detail


def test_collect_random_damage_stops_no_other(course, inbox):
    rng = random.Random(20260130)
    good = zipped({f"s01/{FILE}": work("mine")})
    put(inbox / "s99" / FILE, work("neighbour"))
    for number in range(60):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        put(inbox / f"d{number:02}.zip", bytes(damaged[: rng.randint(1, len(damaged))]))
    report = collect([inbox], course)
    assert submitted(course)["s99", NAME] == work("neighbour")
    assert len({line.origin.split("/")[1] for line in report.lines}) == 61
