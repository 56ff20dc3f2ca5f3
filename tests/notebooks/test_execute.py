"""Every lesson on a fresh kernel, twice: with its solutions, and as learners get it."""

import base64

import nbclient
import nbformat
import pytest

from quantlab_helpers.course.authoring.sources import role_of
from tests import ROOT

NAMES = [path.stem for path in sorted((ROOT / "instructor" / "sources").glob("[0-9]*.py"))]
each_lesson = pytest.mark.parametrize("name", NAMES)

pytestmark = [pytest.mark.notebook, pytest.mark.process]


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Return a function that runs a notebook from top to bottom and continues after errors."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(notebook):
        resources = {"metadata": {"path": str(tmp_path)}}
        nbclient.NotebookClient(
            notebook, timeout=300, resources=resources, kernel_name="python3", allow_errors=True
        ).execute()
        return notebook

    return run


def read(content):
    return nbformat.reads(content.decode(), as_version=4)


def complaints(cell):
    """Yield the errors and the text on stderr that a learner would see below a cell."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            yield f"{cell.id}: {output.ename}: {output.evalue}"
        elif output.get("name") == "stderr":
            yield f"{cell.id}: stderr: {output.text}"


def widget_complaints(notebook):
    """Yield the same for widgets; the error of a callback is only in the saved state."""
    saved = notebook.metadata.get("widgets", {})
    for page in saved.values():
        for widget in page["state"].values():
            for output in widget["state"].get("outputs", []):
                if output["output_type"] == "error":
                    yield f"widget: {output['ename']}: {output['evalue']}"
                elif output.get("name") == "stderr":
                    yield f"widget: stderr: {output['text']}"


def pictures(notebook):
    """Yield the sizes of the pictures, in bytes."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield len(base64.b64decode(output.data["image/png"]))


@each_lesson
def test_instructor_notebook_runs_without_stderr(name, lesson, execute):
    notebook = execute(read(lesson(name).instructor))
    assert [text for cell in notebook.cells for text in complaints(cell)] == []
    assert list(widget_complaints(notebook)) == []
    sizes = list(pictures(notebook))
    assert sizes, "a lesson shows a picture"
    assert min(sizes) > 2_000, "even an empty pair of axes takes more"


@each_lesson
def test_learner_notebook_runs_unanswered(name, lesson, execute):
    notebook = execute(read(lesson(name).learner))
    unanswered = set()  # exercises whose solution cell has raised already
    for cell in notebook.cells:
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        if role_of(cell) == "solution":
            allowed = {"NotImplementedError"}
            unanswered |= {cell.id for error in errors}
        elif role_of(cell) == "test":
            allowed = {"NotImplementedError", "NotAnswered"}
            if cell.id.removeprefix("test-") in unanswered:
                allowed.add("NameError")  # the value was to be set below `raise`
            assert errors, f"{cell.id} has nothing to say about a stub"
        else:
            allowed = set()
        assert {error.ename for error in errors} <= allowed, list(complaints(cell))
        assert len(list(complaints(cell))) == len(errors), list(complaints(cell))
    assert any(role_of(cell) == "test" for cell in notebook.cells), "a lesson without an exercise"
    assert list(widget_complaints(notebook)) == []
    assert list(pictures(notebook)), "a lesson shows a picture before its exercises are answered"


# Controls: what the scans must find


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def test_widget_complaints_finds_crashing_callback(execute):
    notebook = execute(
        notebook_of(
            "from ipywidgets import IntSlider, interactive_output\n"
            "def show(bits):\n    print(1 / bits)\n"
            "slider = IntSlider(1, 0, 8)\n"
            "shown = interactive_output(show, {'bits': slider})\n"
            "shown",
            "slider.value = 0",
        )
    )
    assert [text for cell in notebook.cells for text in complaints(cell)] == []
    assert list(widget_complaints(notebook)) == ["widget: ZeroDivisionError: division by zero"]


def test_complaints_finds_error_warning_empty_picture(execute):
    notebook = execute(
        notebook_of(
            "1 / 0",
            "import warnings; warnings.warn('careful')",
            "import matplotlib.pyplot as plt; plt.figure(figsize=(1, 1)); plt.axis('off');",
        )
    )
    error, warning, picture = notebook.cells
    assert "ZeroDivisionError: division by zero" in next(complaints(error))
    assert "careful" in next(complaints(warning))
    assert list(complaints(picture)) == []
    assert all(size < 2_000 for size in pictures(notebook))
