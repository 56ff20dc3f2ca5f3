"""Whose a file is: the outermost name decides, whatever a learner wrote inside."""

import pytest

from quantlab_helpers.grading.collect.collector import collect
from quantlab_helpers.grading.collect.identify import StudentMatcher
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
    submitted,
    work,
)

FORGED = [
    f"s02_78_123456_{FILE}",
    f"s02_LATE_78_123456_{FILE}",
    f"s02_123_assignsubmission_file_/{FILE}",
    f"s02_123_assignsubmission_file_{FILE}",
    f"hw_s02_attempt_2026-01-01-12-00-00_{FILE}",
    f"s02+{NAME}+2026-01-01 12:00:00.000000 UTC+x/{FILE}",
    f"submitted/s02/{NAME}/{FILE}",
    f"deep/er/submitted/s02/{NAME}/{FILE}",
]


def matcher(roster):
    return StudentMatcher(ROSTER if roster else ())


@pytest.mark.parametrize("roster", [True, False])
@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("upload", UPLOADS)
def test_collect_takes_owner_from_outermost_name(course, inbox, upload, forged, roster):
    put(inbox / "own" / f"s02_{FILE}", work("own"), minute=-60)
    students = matcher(roster)
    collect([inbox / "own"], course, students=students)
    (inbox / "new").mkdir()
    pack(inbox / "new", upload, {forged: work("forged")})
    report = collect([inbox / "new"], course, students=students)
    assert submitted(course) == {("s01", NAME): work("forged"), ("s02", NAME): work("own")}
    assert outcomes(report) == ["collected", "problem"]
    assert "in it names 's02': it was collected for s01" in report.problems[0].detail


def test_collect_believes_no_name_without_owner(course, inbox):
    path = pack(inbox, "class.zip|work.zip|{}", {f"s02_78_1_{FILE}": work()})
    report = collect([path], course, students=matcher(True))
    assert submitted(course) == {}
    assert "no name in its path up to 'work.zip' is a student's" in problem_text(report)


def test_collect_mapped_name_inside_decides_nothing(course, inbox):
    students = StudentMatcher(ROSTER, [("paper", "s02")])
    path = pack(inbox, "class.zip|s01_77_1_work.zip|paper/{}", {FILE: work("mine")})
    report = collect([path], course, students=students)
    assert submitted(course) == {("s01", NAME): work("mine")}
    assert "'paper' in it names 's02'" in problem_text(report)


def test_collect_mapped_path_decides_everything(course, inbox):
    students = StudentMatcher(ROSTER, [("s01.zip/paper/*", "s02")])
    path = pack(inbox, "s01.zip|paper/{}", {FILE: work("mine")})
    assert outcomes(collect([path], course, students=students)) == ["collected"]
    assert submitted(course) == {("s02", NAME): work("mine")}


def test_collect_numbers_inside_reserve_no_name(course, inbox):
    name = "Twin Five_{}_assignsubmission_file_" + FILE
    pack(inbox, "a.zip|Student One_1_assignsubmission_file_/{}", {name.format(7): work()})
    pack(inbox, "b.zip|{}", {name.format(8): work("twin")})
    collect([inbox / "a.zip", inbox / "b.zip"], course)
    assert submitted(course)["twin-five", NAME] == work("twin")


def test_collect_own_name_inside_is_no_problem(course, inbox):
    for number, name in enumerate([f"s01_{FILE}", f"s01_77_9_{FILE}", f"s01/{NAME}/{FILE}"]):
        path = pack(inbox, f"{number}.zip|s01_77_1_work.zip|{{}}", {name: work(name)})
        assert collect([path], course, students=matcher(True)).problems == []


def test_collect_bundle_author_never_beats_name(course, inbox):
    path, _ = bundle(inbox, student="s02")
    content = path.read_bytes()
    path.unlink()
    pack(inbox, "s01.zip|{}", {path.name: content})
    pack(inbox, "s01/{}", {path.name: content})
    report = collect([inbox], course)
    assert {line.student for line in report.lines} == {"s01"}
    assert all("its author says 's02'" in line.detail for line in report.lines)
