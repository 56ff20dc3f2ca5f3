import numpy as np
import pytest
import torch

from quantlab_helpers.checks.compare import array_difference, is_identical, number_difference


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.array(2.0), torch.tensor([2.0])])
def test_number_difference_accepts_any_number_type(number):
    assert number_difference(2.0, number, 1e-7, "size") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (3.0, "your size is 3, expected 2"),
        (float("nan"), "your size is nan, expected 2"),
        (2.00000001, "your size is 2.00000001, expected 2"),
        (2_000_001, "your size is 2,000,001, expected 2"),
        ([1, 2], r"your size has shape (2,), expected one number"),
        ("two", "your function returned 'two', not numbers"),
        (10**5000, "an integer of thousands of digits"),
    ],
    ids=["other", "nan", "close", "large", "two numbers", "text", "endless"],
)
def test_number_difference_shows_digits_that_differ(number, words):
    assert words in number_difference(2.0, number, 1e-9, "size")


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (
            [1.0, 2.5],
            "1 of your 2 sums is wrong; the largest error is at sums[1] = 2.5, expected 2",
        ),
        ([0.0, 0.0], "2 of your 2 sums are wrong"),
        ([1.0, np.nan], "1 of your 2 sums is NaN"),
        ([1.0, 2.0, 3.0], r"your sums have shape (3,), expected (2,)"),
        ("two", "your function returned 'two', not numbers"),
    ],
    ids=["one", "two", "nan", "shape", "text"],
)
def test_array_difference_says_what_is_wrong(got, words):
    assert words in array_difference(np.array([1.0, 2.0]), got, 1e-9, name="sums")


def test_array_difference_shows_digits_that_differ():
    message = array_difference(np.array([1.0]), [1.0000001], 1e-9)
    assert "values[0] = 1.0000001, expected 1" in message


def test_is_identical_compares_networks_and_sequences():
    layer, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    assert is_identical(layer, layer) and not is_identical(layer, other)
    assert is_identical([np.array([np.nan]), 1], [np.array([np.nan]), 1])
    assert not is_identical((torch.ones(2), 1), (torch.ones(2), 2))
    assert not is_identical(layer, 3) and not is_identical({"a": 1}, {"b": 1})
