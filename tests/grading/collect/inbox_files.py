"""Notebooks, archives and bundles that students hand in, and what `collect` made of them."""

import io
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta

from quantlab_helpers.course.submission import read_submissions, write_bundle
from quantlab_helpers.course.workspace import notebooks_folder
from quantlab_helpers.grading.roster import Student

NAME, OTHER = "02_uniform_quantization", "03_kmeans_quantization"
FILE = f"{NAME}.ipynb"
NOON = datetime(2026, 1, 30, 12, 0, 0, tzinfo=UTC)
ROSTER = [
    Student("s01", "Student", "One", "s01@example.org", "77"),
    Student("s02", "Student", "Two", "s02@example.org", "78"),
]
UPLOADS = [  # of s01, as they reach the instructor
    "s01/{}",
    "s01.zip|{}",
    "s01/canvas.zip|{}",
    "class.zip|s01/{}",
    "class.zip|s01.zip|{}",
    "class.zip|s01/moodle.zip|{}",
    "class.zip|s01_123_assignsubmission_file_/{}",
    "class.zip|s01_123_assignsubmission_file_/submissions.zip|{}",
    "class.zip|s01_77_123_canvas.zip|{}",
    "class.zip|hw_s01_attempt_2026-01-30-12-00-00_work.zip|{}",
    "class.zip|submitted/s01/02_uniform_quantization/{}",
    "submitted/s01/02_uniform_quantization/canvas.zip|{}",
    "s01+02_uniform_quantization+2026-01-30 12:00:00.000000 UTC+x/canvas.zip|{}",
    "s01_02_uniform_quantization.zip|{}",
]


def work(text="", name=NAME):
    """Return a learner's notebook, with a note that distinguishes it from others."""
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


def submitted(course):
    """Return {(student, lesson): notebook} of what nbgrader would grade."""
    return {
        path.parts[-3:-1]: path.read_bytes()
        for path in sorted(course.glob("submitted/*/*/*.ipynb"))
    }


def outcomes(report):
    return [line.outcome for line in report.lines]


def tree(folder):
    """Return every file with its content, to see that a run changed nothing."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(inbox, path, files):
    """Write files as `path` says: each | is the edge of an archive, {} a file's place."""
    *archives, pattern = path.split("|")
    files = {pattern.format(name): content for name, content in files.items()}
    while archives:
        *archives, name = archives
        if archives:
            files = {name: zipped(files)}
        else:
            (inbox / name).parent.mkdir(parents=True, exist_ok=True)
            return zipped(files, inbox / name)
    for name, content in files.items():
        put(inbox / name, content)
    return inbox


def problem_text(report):
    return "\n".join(f"{line.student} {line.origin}: {line.detail}" for line in report.problems)
