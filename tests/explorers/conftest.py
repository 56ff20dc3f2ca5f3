"""Explorers that measure few images and leave no thread behind."""

import pytest

import quantlab_helpers as ql
from quantlab_helpers import explorers
from quantlab_helpers.explorers import accuracy, widget


@pytest.fixture
def few_images(monkeypatch, test_set):
    """Let explorers know 500 test images, of which every tenth is the sample."""
    images = ql.Dataset(test_set.images[::20], test_set.labels[::20])
    accuracy._sample.cache_clear()
    monkeypatch.setattr(accuracy, "_test_images", lambda device: images)
    monkeypatch.setattr(widget, "_IDLE_SECONDS", 60)
    yield
    accuracy._sample.cache_clear()


@pytest.fixture
def explore(few_images):
    """Return a function that makes an explorer, and end its thread after the test."""
    made = []

    def make(name, *arguments):
        made.append(getattr(explorers, name)(*arguments))
        return made[-1]

    yield make
    for explorer in made:
        explorer.close()
        explorer.wait()
