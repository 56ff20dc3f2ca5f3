"""The lecture: times in its notes, and the exported folder of slides."""

import importlib.util
import json
import re

import nbformat
import pytest

import quantlab_helpers.course.publishing.html_pages as pages
from quantlab_helpers.course.authoring.build import build_course
from quantlab_helpers.course.authoring.sources import SourceError
from quantlab_helpers.course.publishing.slides import open_live, write_slides
from tests import ROOT

NPM = ROOT / "build" / "npm" / "node_modules"
SOURCE = ROOT / "instructor" / "sources" / "slides_weight_quantization.py"
DECK = """\
# %% slideshow={"slide_type": "skip"}
import matplotlib.pyplot as plt

# %% [markdown] slideshow={"slide_type": "slide"}
# # Bits

# %%
_ = plt.figure().subplots().set(title="Loss", xlabel="epoch")

# %% [markdown] slideshow={"slide_type": "notes"}
# Speak slowly.
"""


@pytest.fixture
def deck(tmp_path):
    path = tmp_path / "deck.ipynb"
    [built] = built_decks(tmp_path / "course", DECK)
    path.write_bytes(built.content)
    return path


def built_decks(folder, text):
    sources = folder / "instructor" / "sources"
    sources.mkdir(parents=True)
    (sources / "slides_bits.py").write_text(text)
    for file in ("course.toml", "nbgrader_config.py"):
        (sources.parent / file).write_bytes((ROOT / "instructor" / file).read_bytes())
    return build_course(folder).decks


# The deck


def minutes_of_the_lecture():
    pattern = r"\*\*(\d+) minutes?, to 0:(\d\d)\.\*\*"
    return [(int(a), int(b)) for a, b in re.findall(pattern, SOURCE.read_text())]


def test_deck_notes_add_up_to_45_minutes():
    times = minutes_of_the_lecture()
    assert len(times) == SOURCE.read_text().count('{"slide_type": "slide"}')
    clock = 0
    for minutes, until in times:
        clock += minutes
        assert clock == until
    assert clock == 45


def test_deck_demo_follows_a_question():
    headings = re.findall(r"^# #+ (.+)", SOURCE.read_text(), re.MULTILINE)
    demos = [place for place, heading in enumerate(headings) if heading.startswith("Demo: ")]
    assert len(demos) == 6
    for place in demos:
        assert any(text.startswith("Your guess") for text in headings[place - 2 : place])


def test_deck_shows_every_explorer():
    text = SOURCE.read_text()
    for noun in ("uniform", "outlier", "kmeans", "storage", "tradeoff", "retraining"):
        assert f"explorers.explore_{noun}(" in text


def test_build_course_deck_folds_code_keeps_slide_types(tmp_path):
    [built] = built_decks(tmp_path, DECK)
    assert built.name == "slides/bits"
    cells = nbformat.reads(built.content.decode(), as_version=4).cells
    assert [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells] == [
        "skip",
        "slide",
        None,
        "notes",
    ]
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(cell.metadata.jupyter.source_hidden and not cell.outputs for cell in code)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"notes"', '"note"', "slide_type must be one of"),
        ('"notes"', '"fragment"', "the slide has no speaker notes; add a cell"),
        (
            "# %%\n_ = plt",
            '# %% nbgrader={"grade": false, "grade_id": "a", "locked": true, '
            '"schema_version": 3, "solution": false}\n_ = plt',
            "nothing is graded here; delete nbgrader",
        ),
    ],
)
def test_build_course_refuses_deck_with_problem(tmp_path, old, new, words):
    assert old in DECK
    with pytest.raises(SourceError, match=r"instructor/sources/slides_bits\.py, cell") as error:
        built_decks(tmp_path, DECK.replace(old, new))
    assert words in str(error.value)


# The export


@pytest.mark.process
def test_write_slides_folder_is_self_contained(tmp_path, deck, libraries):
    messages = []
    page = write_slides(tmp_path / "out", deck=deck, libraries=libraries, say=messages.append)
    text = page.read_text()
    assert pages.outside_addresses(text) == []
    loaded = re.findall(r'(?:src|href)="(?!data:|#)([^"?]+)', text)
    assert {"assets/reveal/dist/reveal.js", "assets/mathjax/MathJax.js"} <= set(loaded)
    assert all((page.parent / name).is_file() for name in loaded if name), loaded
    assert '<aside class="notes">' in text and "Speak slowly." in text
    assert "import matplotlib" not in text and "set(title" not in text
    assert 'alt="Figure: Loss: epoch."' in text
    assert "<title>Bits slides</title>" in text
    assert messages[-1] == "cell 3 of 4", "only code runs"
    assert (page.parent / "assets/reveal/dist/theme/quantlab.css").is_file()


def test_write_slides_missing_library_or_deck(tmp_path, deck):
    with pytest.raises(FileNotFoundError, match=r"run `make slides`, which fetches it"):
        write_slides(tmp_path / "out", deck=deck, libraries=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no deck .*; name a notebook with --deck"):
        write_slides(tmp_path / "out", deck=tmp_path / "none.ipynb")


@pytest.mark.skipif(
    importlib.util.find_spec("jupyterlab_slideshow") is not None,
    reason="jupyterlab-slideshow is installed: nothing is missing",
)
def test_open_live_without_extension_writes_nothing(tmp_path):
    with pytest.raises(ModuleNotFoundError, match=r"need jupyterlab-slideshow; run: .*\[slides\]"):
        open_live(tmp_path / "deck")
    with pytest.raises(FileNotFoundError, match="no deck"):
        open_live(tmp_path / "deck", deck=tmp_path / "none.ipynb")
    assert not (tmp_path / "deck").exists()


def test_lock_file_pins_versions_and_checksums():
    folder = ROOT / "instructor" / "slides"
    dependencies = json.loads((folder / "package.json").read_text())["dependencies"]
    text = (folder / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert dependencies["reveal.js"].startswith("5."), "reveal.js 6 keeps its plugins elsewhere"
    for name, version in dependencies.items():
        package = packages[f"node_modules/{name}"]
        assert package["version"] == version and package["integrity"].startswith("sha512-")
    assert "://" not in text


@pytest.mark.notebook
@pytest.mark.process
@pytest.mark.skipif(not NPM.is_dir(), reason="no reveal.js and MathJax; `make slides` gets them")
def test_write_slides_real_lecture_size(tmp_path):
    page = write_slides(tmp_path)
    text = page.read_text()
    assert text.count('class="ql-player"') == 6
    assert text.count('<aside class="notes">') == len(minutes_of_the_lecture())
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size < 12e6
