"""The format of the answer bank."""

import pytest

from quantlab_helpers.course.authoring.answer_bank import read_answers, read_lesson_answers

BANK = '''\
"""Answers."""

# %% right, a sum
def double(x):
    return x + x


# %% wrong, one too many
# says: you added 1
def double(x):
    return x + x + 1
'''


def test_read_answers_returns_titles_and_messages(tmp_path):
    path = tmp_path / "double.py"
    path.write_text(BANK)
    right, wrong = read_answers(path)
    assert (right.exercise, right.right, right.title, right.says) == ("double", True, "a sum", "")
    assert right.code == "def double(x):\n    return x + x\n" and right.line == 3
    assert (wrong.right, wrong.says, wrong.line) == (False, "you added 1", 8)
    assert wrong.code.startswith("def double") and wrong.name == "double: wrong, one too many"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("right, a sum", "right", "line 3: '# %% right' is no header; write"),
        ("# says: you added 1\n", "", "line 8: a wrong answer needs, in its second line"),
        ("# says: you added 1", "# says:", "line 8: a wrong answer needs"),
        ("a sum\n", "a sum\n# says: no\n", "line 3: a right answer gets no message"),
        ("wrong, one too many\n# says: you added 1", "right, a sum", "line 8: line 3 has the same"),
        ("    return x + x + 1", "    return (", "line 11: this is not Python"),
        ("def double(x):\n    return x + x\n\n", "# nothing\n", "line 3: the answer has no code"),
        ('"""Answers."""', '"""Answers."""\nimport math', "line 2: code above the first"),
        ('"""Answers."""', "import (", "line 1: this is not Python"),
    ],
)
def test_read_answers_malformed_file_names_the_line(tmp_path, old, new, words):
    assert old in BANK
    path = tmp_path / "double.py"
    path.write_text(BANK.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"^double\.py, line \d+: ") as caught:
        read_answers(path)
    assert words in str(caught.value)


def test_read_lesson_answers_reads_all_exercises(tmp_path):
    folder = tmp_path / "instructor" / "answers" / "lesson_02"
    folder.mkdir(parents=True)
    (folder / "double.py").write_text(BANK)
    (folder / "add_one.py").write_text("# %% right, a sum\ndef add_one(x):\n    return x + 1\n")
    answers = read_lesson_answers(tmp_path, "02_doubling")
    assert [answer.exercise for answer in answers] == ["add-one", "double", "double"]
    with pytest.raises(FileNotFoundError, match="03_halving has no answers; write them into"):
        read_lesson_answers(tmp_path, "03_halving")
