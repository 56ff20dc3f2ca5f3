"""When it was handed in: a platform is believed before a learner."""

import zipfile

import pytest

from quantlab_helpers.course.submission import MANIFEST
from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.identify import StudentMatcher
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from tests.grading.collect.inbox_files import (
    FILE,
    NAME,
    ROSTER,
    UPLOADS,
    bundle,
    outcomes,
    pack,
    problem_text,
    put,
    work,
    zipped,
)

LATER = (2026, 2, 20, 12, 0, 0)


@pytest.mark.parametrize(
    "upload", [path for path in UPLOADS if not path.startswith(("s01/{", "s01+"))]
)
def test_collect_timestamp_in_upload_sets_no_time(course, inbox, upload):
    early = b"2020-01-01 00:00:00.000000 UTC"
    if f"s01/{NAME}/{{}}" in upload:
        upload = upload.replace("{}", "work/{}")
    pack(inbox, upload, {FILE: work(), "timestamp.txt": early})
    report = collect([inbox], course, students=StudentMatcher(ROSTER))
    [version] = versions(CourseFolder(course), "s01", NAME)
    assert not version.time.startswith("2020")
    assert outcomes(report) == ["collected", "problem"]
    assert "timestamp.txt in it says 2020-01-01 00:00 UTC; the" in report.problems[0].detail


@pytest.mark.parametrize(
    "path",
    [
        "s01/{}",
        f"s01/{NAME}/{{}}",
        f"submitted/s01/{NAME}/{{}}",
        f"class.zip|submitted/s01/{NAME}/{{}}",
        f"class.zip|course/submitted/s01/{NAME}/{{}}",
    ],
)
def test_collect_timestamp_of_nbgrader_sets_time(course, inbox, path):
    pack(inbox, path, {FILE: work(), "timestamp.txt": b"2026-01-20 10:00:00.000000 UTC"})
    [line] = collect([inbox], course, students=StudentMatcher(ROSTER)).lines
    assert line.detail == "2026-01-20 10:00 UTC by timestamp.txt"


def test_collect_exchange_name_before_its_timestamp(course, inbox):
    folder = inbox / f"s01+{NAME}+2026-01-30 12:00:00.000000 UTC+x"
    put(folder / FILE)
    put(folder / "timestamp.txt", b"2020-01-01 00:00:00.000000 UTC")
    report = collect([inbox], course)
    assert report.lines[0].detail.startswith("2026-01-30 12:00 UTC by the platform's name")
    assert "timestamp.txt in it says 2020-01-01" in problem_text(report)


@pytest.mark.parametrize("packed", [False, True])
def test_collect_platform_date_before_learners_clock(course, inbox, packed):
    path, _ = bundle(inbox, student="s01")  # made on 2026-01-30, by the learner's clock
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in (MANIFEST, FILE)}
    files = {"work.zip": zipped(files)} if packed else files
    path.unlink()
    with zipfile.ZipFile(inbox / "moodle.zip", "w") as archive:
        for name, content in files.items():
            place = f"Student One_123_assignsubmission_file_/{name}"
            archive.writestr(zipfile.ZipInfo(place, LATER), content)
    [line] = collect([inbox], course, students=StudentMatcher(ROSTER)).lines
    assert line.detail.startswith("2026-02-20") and line.detail.endswith("by the archive's date")
