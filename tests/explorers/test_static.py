import html.parser
import re

import pytest

from quantlab_helpers.explorers.static import Frame, facts_html, picture_html, static_explorer

PNG = b"\x89PNG\r\n\x1a\n"


def frame(value="4", **changes):
    given = {
        "png": PNG + value.encode(),
        "alt": f"Histogram at {value} bits",
        "sentence": f"{value} bits are used.",
        "facts": {"step": f"0.{value}", "SQNR": "12 dB"},
    }
    return Frame(value, **{**given, **changes})


class Page(html.parser.HTMLParser):
    """The elements of a snippet, with their attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)

    def handle_data(self, data):
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def only(self, tag):
        [attributes] = [found for name, found in self.elements if name == tag]
        return attributes


@pytest.fixture
def page():
    frames = [frame(value) for value in ("3", "4", "5")]
    return Page(static_explorer(frames, label="bits per weight", start=1).html)


def test_static_explorer_slider_is_native_range(page):
    slider = page.only("input")
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == (
        "range",
        "0",
        "2",
        "1",
    )
    assert slider["data-lm-suppress-shortcuts"] == "true"
    assert slider["aria-valuetext"] == "4"
    names = [name for name, _ in page.elements]
    assert names.index("label") < names.index("input") < names.index("output")
    assert "".join(page.texts["span"]) == "bits per weight"


def test_static_explorer_without_script_shows_start(page):
    image = page.only("img")
    assert image["alt"] == "Histogram at 4 bits"
    assert image["src"] == "data:image/png;base64,iVBORw0KGgo0"
    assert page.only("p") == {"role": "status"}
    assert page.texts["p"] == ["4 bits are used."]
    assert page.texts["th"] == ["step", "SQNR"] and page.texts["td"] == ["0.4", "12 dB"]


def test_static_explorer_loads_nothing_and_has_no_ids(page):
    text = static_explorer([frame()], label="bits").html
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"base64,[^\"]*", "", text))
    assert not [given for _, given in page.elements if "id" in given]


def test_static_explorer_escapes_text():
    bad = "</script><b>&\"'"
    text = static_explorer([frame(alt=bad, sentence=bad, facts={bad: bad})], label=bad).html
    assert text.count("</script>") == 1 and "<b>" not in text
    page = Page(text)
    assert page.only("img")["alt"] == bad
    assert "".join(page.texts["p"]) == bad and "".join(page.texts["span"]) == bad


def test_static_explorer_key_depends_on_frames():
    first, second = (static_explorer([frame()], label=label).html for label in ("bits", "bits"))
    assert first == second
    key = re.compile(r'data-ql-player="(\w+)"')
    other = static_explorer([frame()], label="k").html
    assert key.search(first)[1] != key.search(other)[1]


def test_static_explorer_repr_is_html():
    explorer = static_explorer([frame()], label="bits")
    assert explorer._repr_html_() == explorer.html


@pytest.mark.parametrize(
    ("frames", "label", "words"),
    [
        ([], "bits", "`frames` must hold at least one Frame, got none"),
        ([frame()], " ", "`label` must name the slider"),
        ([frame(), frame(png=b"GIF89a")], "bits", "got b'GIF89a' at the start of frame 1"),
        ([frame(alt="")], "bits", "an alt text and a sentence each, got none in frame 0"),
        ([frame(sentence=" ")], "bits", "an alt text and a sentence each"),
        ([frame(), frame(facts={"step": "1"})], "bits", "the same facts, got ['step'] in frame 1"),
    ],
)
def test_static_explorer_refuses_incomplete_frames(frames, label, words):
    with pytest.raises(ValueError) as caught:
        static_explorer(frames, label=label)
    assert words in str(caught.value)


@pytest.mark.parametrize("start", [-1, 1])
def test_static_explorer_start_must_be_a_frame(start):
    with pytest.raises(ValueError, match=r"`start` must be an integer from 0 to 0"):
        static_explorer([frame()], label="bits", start=start)


def test_picture_and_facts_html_escape():
    assert facts_html({}) == ""
    assert "&lt;" in facts_html({"a<b": "1"}) and "&quot;" in picture_html(PNG, '"')
