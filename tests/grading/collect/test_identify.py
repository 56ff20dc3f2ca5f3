"""Whose submission it is: names of platforms, lists of students, mappings, folders."""

from importlib.resources import files

import pytest

from quantlab_helpers._support.archives import walk_files
from quantlab_helpers.grading.collect.identify import StudentMatcher
from quantlab_helpers.grading.collect.platform_names import read_platform_name
from quantlab_helpers.grading.roster import Student

LESSONS = ["02_uniform_quantization", "03_kmeans_quantization"]
NAME = f"{LESSONS[0]}.ipynb"
ROSTER = [
    Student("s01", "Student", "One", "s01@example.org", "77"),
    Student("s02", "Student", "Two", "s02@example.org", "78"),
    Student("s03", "Stüdent", "Three-Four", "s03@example.org", "79"),
    Student("s04", "Twin", "Five", "s04@example.org"),
    Student("s05", "Twin", "Five", "s05@example.org"),
]


def match(path, roster=(), mapping=(), claimed=None):
    *trail, file = path.split("|")
    students = StudentMatcher(roster, mapping)
    return students.match(tuple(trail), file, lessons=LESSONS, claimed=claimed)


@pytest.mark.parametrize(
    ("name", "platform", "author", "number", "file"),
    [
        ("Student One_1234567_assignsubmission_file_", "Moodle", "Student One", "1234567", ""),
        ("Student One_1234567_assignsubmission_file", "Moodle", "Student One", "1234567", ""),
        (f"Student One_12_assignsubmission_file_{NAME}", "Moodle", "Student One", "12", NAME),
        ("Participant_12_assignsubmission_file_", "Moodle", "Participant", "12", ""),
        (f"onestudent_77_123456_{NAME}", "Canvas", "onestudent", "77", NAME),
        (f"onestudent_LATE_77_123456_{NAME}", "Canvas", "onestudent", "77", NAME),
        (f"stüdent_79_1_{NAME}", "Canvas", "stüdent", "79", NAME),
        (f"anon_Ab1x9_123456_{NAME}", "Canvas", "", "anon_Ab1x9", NAME),
        (f"LATE_anon_Ab1x9_123456_{NAME}", "Canvas", "", "anon_Ab1x9", NAME),
        (f"hw_s01_attempt_2026-01-30-15-00-00_{NAME}", "Blackboard", "s01", "", NAME),
        ("s01+02_x+2026-01-30 15:00:00.000000 UTC+abc", "nbgrader", "s01", "", ""),
        ("s01+02_x+2026-01-30 15:00:00.000000 UTC", "nbgrader", "s01", "", ""),
    ],
)
def test_read_platform_name_of_each_platform(name, platform, author, number, file):
    parts = read_platform_name(name)
    assert parts[:4] == (platform, author, number, file)
    assert parts.late == ("LATE" in name)


def test_read_platform_name_of_nbgraders_download():
    path = files("nbgrader.tests.apps") / "files" / "notebooks.zip"
    names = {
        read_platform_name(entry.name)
        for folder in walk_files(str(path))
        for entry in folder.entries
    }
    assert {parts.name for parts in names} == {"bitdiddle", "hacker"}
    assert {parts.file for parts in names} == {
        "jupyter.png",
        "problem1.ipynb",
        "problem2.ipynb",
    }


@pytest.mark.parametrize("name", [NAME, "s01", "s01_02_uniform_quantization.ipynb", "2026_01_02_x"])
def test_read_platform_name_other_name_is_none(name):
    assert read_platform_name(name) is None


@pytest.mark.parametrize(
    "path",
    [
        f"moodle.zip|Student One_1234567_assignsubmission_file_|{NAME}",
        f"moodle.zip|Group A-Student One_1234567_assignsubmission_file_|{NAME}",
        f"moodle.zip|s01_1234567_assignsubmission_file_{NAME}",
        f"canvas.zip|onestudent_77_123456_{NAME}",
        f"canvas.zip|renamed_LATE_77_123456_{NAME}",
        f"submitted|S01|{LESSONS[0]}|{NAME}",
        f"{LESSONS[0]}|s01|{NAME}",
        f"s01|work|{NAME}",
        f"s01.zip|my-notebooks|{NAME}",
        f"s01@example.org|{NAME}",
        f"Student One|{NAME}",
        f"s01_{NAME}",
        f"work of s01 (final).zip|{NAME}",
        f"77|{NAME}",
    ],
)
def test_match_finds_student_of_the_list(path):
    assert match(path, ROSTER).student == "s01"


OWN_PARTS = [  # what a learner can call a file
    f"X-Student Two_2_assignsubmission_file_{NAME}",
    f"s02_2_assignsubmission_file_{NAME}",
    f"x_s02_attempt_2026-01-01-12-00-00_{NAME}",
    f"s02_78_9_{NAME}",
    f"s02+{LESSONS[0]}+2026-01-01 12:00:00.000000 UTC+x",
]


@pytest.mark.parametrize("own", OWN_PARTS)
@pytest.mark.parametrize(
    "platform",
    [
        "Student One_1_assignsubmission_file_",
        "s01_1_assignsubmission_file_",
        "onestudent_77_123456_",
        "onestudent_LATE_77_123456_",
        "hw_s01_attempt_2026-01-30-12-00-00_",
        "Lab_3_2_s01_attempt_2026-01-30-12-00-00_",
    ],
)
def test_match_reads_platforms_part_only(platform, own):
    assert match(f"class.zip|{platform}{own}", ROSTER).student == "s01"
    assert match(f"class.zip|{platform}{own}").student != "s02"


def test_match_without_list_refuses_two_readings():
    found = match(f"class.zip|Lab_3_2_s01_attempt_2026-01-30-12-00-00_{NAME}")
    words = "Canvas and Blackboard could have written its name; give a list of students"
    assert found.student is None and words in found.problem


def test_match_ignores_accents_and_hyphens():
    path = f"moodle.zip|Stu\u0308dent Three-Four_9_assignsubmission_file_|{NAME}"
    assert match(path, ROSTER).student == "s03"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"Nobody Known_9_assignsubmission_file_|{NAME}", "'Nobody Known', who is not in the list"),
        (f"Twin Five_9_assignsubmission_file_|{NAME}", "as s04 and s05 are called; map the name"),
        (f"submitted|s99|{LESSONS[0]}|{NAME}", "no student 's99' in the list"),
        (f"downloads|{NAME}", "no name in its path is a student's"),
    ],
)
def test_match_reports_unknown_student(path, words):
    matched = match(path, ROSTER)
    assert matched.student is None and words in matched.problem


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("Nobody Known", f"m.zip|Nobody Known_9_assignsubmission_file_|{NAME}"),
        ("9", f"m.zip|Nobody Known_9_assignsubmission_file_|{NAME}"),
        ("upload_17*", f"upload_17 (2).zip|work|{NAME}"),
        ("paper", f"paper.ZIP|{NAME}"),
        ("Stüdent", f"Stu\u0308dent|{NAME}"),
    ],
)
def test_match_mapping_before_names(name, path):
    assert match(path, ROSTER, [(name, "s02")]).student == "s02"


@pytest.mark.parametrize(
    ("path", "student"),
    [
        (f"s01|{NAME}", "s01"),
        (f"s01.zip|deep|er|{NAME}", "s01"),
        (f"class.zip|s01|{NAME}", "s01"),
        (f"s01_{NAME}", "s01"),
        (f"moodle.zip|Student One_9_assignsubmission_file_|{NAME}", "student-one"),
        (f"canvas.zip|onestudent_77_1_{NAME}", "onestudent"),
        (f"canvas.zip|anon_Ab1_1_{NAME}", "canvas-anon-ab1"),
        (NAME, None),
        (f"notebooks|{NAME}", None),
        (f"../..|{NAME}", None),
    ],
)
def test_match_without_list_by_folder_or_platform(path, student):
    assert match(path).student == student


def test_match_refuses_ambiguous_names():
    students = StudentMatcher()
    matches = [
        students.match(("m.zip", f"Twin Five_{number}_assignsubmission_file_"), NAME, lessons=[])
        for number in (8, 9, 8)
    ]
    assert [matched.student for matched in matches] == ["twin-five", None, "twin-five"]
    assert "several students called 'Twin Five'" in matches[1].problem


def test_match_believes_bundle_author_last():
    assert match(f"submission-7F3A.zip|{NAME}", ROSTER, claimed="S02").student == "s02"
    platform = f"m.zip|Student One_9_assignsubmission_file_|{NAME}"
    assert match(platform, ROSTER, claimed="s02").student == "s01"
