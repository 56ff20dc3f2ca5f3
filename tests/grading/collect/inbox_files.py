"""Notebooks, archives and bundles that students hand in, and what `collect` made of them."""

import io
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta

from quantlab_helpers.course.submission import read_submissions, write_bundle
from quantlab_helpers.course.workspace import notebooks_folder

NAME, OTHER = "02_uniform_quantization", "03_kmeans_quantization"
FILE = f"{NAME}.ipynb"
NOON = datetime(2026, 1, 30, 12, 0, 0, tzinfo=UTC)


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
