"""The list of students and the table of other names."""

import pytest

from quantlab_helpers.grading.roster import Student, read_mapping, read_roster


def test_read_roster_and_read_mapping_any_columns(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text("ID;Last_Name;extra\ns01;One;x\n\ns02;Two;y\n", encoding="utf-8-sig")
    assert read_roster(path) == [
        Student("s01", last_name="One"),
        Student("s02", last_name="Two"),
    ]
    path.write_text("name,student\n upload* , s01\n")
    assert read_mapping(path) == [("upload*", "s01")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\nx\n", "has no column id in its first line"),
        ("id\n", "lists no students"),
        ("id\ns01\nS01\n", "line 3: 'S01' is there twice"),
        ("id\n../x\n", r"line 2: the id must be up to 64 letters, .* got '\.\./x'"),
    ],
)
def test_read_roster_error_names_the_line(tmp_path, text, words):
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_roster(path)
