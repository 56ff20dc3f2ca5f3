"""Feedback pages of the small lesson, as a browser would see them."""

from html.parser import HTMLParser

from quantlab_helpers.grading.report.feedback import page
from quantlab_helpers.grading.report.final_grades import FinalGrade
from tests.grading.small_lesson import TESTS, small_lesson

HIDDEN = [hidden for _, hidden, _ in TESTS.values()]


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text outside of styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "a tag is closed that was not opened last"

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def show(graded, notebook=None, **changes):
    return Page(page(small_lesson(), FinalGrade.of(graded)._replace(**changes), notebook))
