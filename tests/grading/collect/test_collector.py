"""Collecting: from wherever it is to where nbgrader looks; what cannot be placed is a line."""

import hashlib
import io
import json
import os
import random
import shutil
import stat
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from nbgrader.coursedir import CourseDirectory

from quantlab_helpers.course.submission import MANIFEST, read_submissions, write_bundle
from quantlab_helpers.course.workspace import notebooks_folder
from quantlab_helpers.grading.collect import versions as storing
from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.identify import StudentMatcher
from quantlab_helpers.grading.collect.receipts import verify
from quantlab_helpers.grading.collect.versions import versions
from quantlab_helpers.grading.course_folder import CourseFolder
from quantlab_helpers.grading.roster import Student

NAME, OTHER = "02_uniform_quantization", "03_kmeans_quantization"
FILE = f"{NAME}.ipynb"
NOON = datetime(2026, 1, 30, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def course(tmp_path):
    """nbgrader's course folder, as far as collecting needs it."""
    folder = tmp_path / "course"
    for name in (NAME, OTHER):
        (folder / "source" / name).mkdir(parents=True)
        shutil.copy(notebooks_folder() / f"{name}.ipynb", folder / "source" / name)
    return folder


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def work(text="", name=NAME):
    """Return a learner's notebook, with a note that tells it from others."""
    plain = json.loads((notebooks_folder() / f"{name}.ipynb").read_bytes())
    plain["cells"].append({"cell_type": "markdown", "metadata": {}, "source": text})
    return json.dumps(plain).encode()


def put(path, content=None, *, minute=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(work(str(path)) if content is None else content)
    moment = (NOON + timedelta(minutes=minute)).timestamp()
    os.utime(path, (moment, moment))
    return path


def zipped(files, path=None):
    target = path or io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path or target.getvalue()


def submitted(course):
    """Return {(student, lesson): notebook} of what nbgrader would grade."""
    return {
        path.parts[-3:-1]: path.read_bytes()
        for path in sorted(course.glob("submitted/*/*/*.ipynb"))
    }


def outcomes(report):
    return [line.outcome for line in report.lines]


def only_problem(report):
    [line] = report.problems
    return f"{line.origin}: {line.detail}"


def tree(folder):
    """Return every file with its content, to see that a run changed nothing."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
    told = "\n".join(f"{origin}: {detail}" for origin, detail in problems.items())
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
        assert words in told, told
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
    real = storing.write_atomically
    for step in range(10):
        for part in ("submitted", "quantlab"):
            shutil.rmtree(course / part, ignore_errors=True)
        left = [step]

        def write(path, content, left=left):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            real(path, content)

        monkeypatch.setattr(storing, "write_atomically", write)
        with pytest.raises(KeyboardInterrupt):
            collect([inbox], course)
        monkeypatch.setattr(storing, "write_atomically", real)
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


def test_collect_removes_files_of_replaced_version(course, inbox):
    put(inbox / "a" / "s01" / FILE, work("a"), minute=1)
    put(inbox / "a" / "s01" / "old_helper.py", b"x = 1")
    put(inbox / "b" / "s01" / FILE, work("b"), minute=2)
    collect([inbox / "a", inbox / "b"], course)
    there = sorted(path.name for path in (course / "submitted" / "s01" / NAME).iterdir())
    assert there == [FILE, "timestamp.txt"]


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
    given = {"sources": [inbox], "course": course, **arguments}
    sources, folder = given.pop("sources"), given.pop("course")
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        collect(sources, folder, **given)
    assert not (course / "submitted").exists()


def bundle(inbox, text="mine", *, student="s01", minute=0):
    """Write a learner's bundle and return (its path, its receipt)."""
    path = put(inbox.parent / "learner" / f"{text}.ipynb", work(text))
    when = NOON + timedelta(minutes=minute)
    plain = json.loads(path.read_bytes())
    for cell in plain["cells"]:
        cell["source"] = "".join(cell["source"]).replace("raise NotImplementedError(", "print(")
    path.write_text(json.dumps(plain))
    receipt = write_bundle(read_submissions([path]), inbox, student=student, now=when)
    (inbox / receipt.receipt_file).rename(inbox.parent / receipt.receipt_file)
    return inbox / receipt.file, receipt


def test_collect_bundle_stores_its_receipt(course, inbox):
    _, receipt = bundle(inbox)
    report = collect([inbox], course)
    assert outcomes(report) == ["collected"]
    assert report.lines[0].detail == "2026-01-30 12:00 UTC by the learner's clock"
    [version] = versions(CourseFolder(course), "s01", NAME)
    assert [one["id"] for one in version.receipts] == [receipt.id]
    assert version.sha256 == receipt.notebooks[NAME]


@pytest.mark.parametrize("how", ["id", "sha256", "file"])
@pytest.mark.parametrize("where", ["source", "course"])
def test_verify_by_id_sum_or_file(course, inbox, how, where):
    _, receipt = bundle(inbox)
    bundle(inbox, "other", student="s02", minute=1)
    collect([inbox], course)
    shown = {"id": receipt.id, "sha256": receipt.sha256}
    shown["file"] = str(inbox.parent / receipt.receipt_file)
    [finding] = verify(shown[how], [inbox] if where == "source" else [], course=course)
    assert finding.intact and finding.text == f"{NAME}: is what the receipt is for"


def test_verify_repacked_bundle(course, inbox):
    path, receipt = bundle(inbox)
    with zipfile.ZipFile(path) as archive:
        files = {f"s01/Downloads/{name}": archive.read(name) for name in archive.namelist()}
    path.unlink()
    zipped(files, inbox / "again.zip")
    assert all(finding.intact for finding in verify(receipt.id, [inbox]))
    assert outcomes(collect([inbox], course)) == ["collected"]


def test_verify_two_receipts_of_one_notebook(course, inbox):
    receipts = [bundle(inbox, minute=minute)[1] for minute in (0, 1)]
    assert sorted(outcomes(collect([inbox], course))) == ["collected", "unchanged"]
    for receipt in receipts:
        assert [finding.intact for finding in verify(receipt.id, course=course)] == [True]


def test_verify_notebook_changed_after_receipt(course, inbox):
    path, receipt = bundle(inbox)
    with zipfile.ZipFile(path) as archive:
        manifest = archive.read(MANIFEST)
    zipped({MANIFEST: manifest, FILE: work("changed")}, path)
    [finding] = verify(receipt.id, [inbox])
    assert not finding.intact and "is not the notebook the receipt is for" in finding.text
    report = collect([inbox], course)
    assert "receipt: not the notebook that it was made for" in report.lines[0].detail
    assert versions(CourseFolder(course), "s01", NAME)[0].receipts == ()


def test_verify_finds_changed_and_foreign_receipts(course, inbox):
    path, receipt = bundle(inbox)
    text = inbox.parent / receipt.receipt_file
    text.write_text(text.read_text().replace("12:00:00", "11:00:00"))
    found = verify(str(text), [inbox])
    assert [finding.intact for finding in found] == [True, False]
    assert found[1].text == "the receipt's own text was changed"
    with zipfile.ZipFile(path) as archive:
        plain = json.loads(archive.read(MANIFEST))
        content = archive.read(FILE)
    plain["created"] = "2026-01-01T00:00:00+00:00"
    zipped({MANIFEST: json.dumps(plain), FILE: content}, path)
    assert "changed after it was made" in verify(receipt.id, [inbox])[1].text
    assert (
        "receipt: its list of contents was changed"
        in collect([inbox], course, student="s01").lines[0].detail
    )
    with pytest.raises(ValueError, match="is no receipt; name its file, its id like 7F3A"):
        verify("12345", course=course)


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


def test_collect_records_sum_and_origin(course, inbox):
    put(inbox / "s01" / FILE, work("mine"))
    collect([inbox], course)
    [record] = course.glob("quantlab/collected/*/*/*/record.json")
    plain = json.loads(record.read_bytes())
    assert plain["sha256"] == hashlib.sha256(work("mine")).hexdigest()
    assert plain["origin"] == f"inbox/s01/{FILE}"
    assert CourseFolder(course).outlines().keys() == {NAME, OTHER}
