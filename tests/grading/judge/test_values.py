"""`values`: what crosses between the judge and the kernel, and what its JSON cannot do."""

import array
import collections
import copy
import decimal
import enum
import fractions
import json
import pathlib
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from torch import nn

from quantlab_helpers.checks.stand_in import StandIn
from quantlab_helpers.grading.judge import networks, values
from quantlab_helpers.grading.judge.values import Damaged, Foreign, NotPlain, decode, encode
from quantlab_helpers.model import Net

KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
PLAIN = st.recursive(
    KEYS | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    ),
    max_leaves=20,
)
ARRAYS = numpy_strategies.arrays(
    numpy_strategies.boolean_dtypes()
    | numpy_strategies.integer_dtypes()
    | numpy_strategies.floating_dtypes()
    | numpy_strategies.complex_number_dtypes()
    | numpy_strategies.unicode_string_dtypes(),
    numpy_strategies.array_shapes(min_dims=0, min_side=0, max_side=4),
)


def crossed(value):
    """Return a value encoded, as it arrives through JSON."""
    return json.loads(json.dumps(encode(value)))


@given(PLAIN)
def test_decode_returns_what_encode_got(value):
    back = decode(crossed(value))
    assert back == value and type(back) is type(value)


@given(ARRAYS, st.randoms())
def test_decode_returns_arrays_in_any_memory_order(numbers, random):
    axes = list(range(numbers.ndim))
    random.shuffle(axes)
    turned = numbers.transpose(axes)
    back = decode(encode(turned))
    assert (back.dtype, back.shape) == (turned.dtype, turned.shape)
    assert np.array_equal(back, turned, equal_nan=numbers.dtype.kind in "fc")
    assert back.flags.c_contiguous or not turned.flags.c_contiguous


@pytest.mark.parametrize("dtype", values._TORCH_TYPES)
def test_decode_returns_tensors_of_each_type(dtype):
    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype)).T
    back = decode(encode(tensor))
    assert torch.equal(back, tensor) and back.dtype == tensor.dtype
    assert back.stride() == tensor.stride()


def test_decode_returns_parameters_with_gradient_flags():
    parameter = nn.Parameter(torch.ones(2), requires_grad=False)
    back = decode(encode([parameter, torch.ones(1, requires_grad=True)]))
    assert isinstance(back[0], nn.Parameter) and not back[0].requires_grad
    assert back[1].requires_grad and not isinstance(back[1], nn.Parameter)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (enum.IntEnum("Colour", "RED BLUE").BLUE, 2),
        (array.array("d", [1.5]), [1.5]),
        (collections.UserList([1]), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.namedtuple("Point", "x y")(1, 2), (1, 2)),
        (collections.deque([1, 2]), [1, 2]),
        (type("Name", (str,), {})("x"), "x"),
        (memoryview(b"12"), b"12"),
    ],
)
def test_encode_takes_subclasses_as_plain_types(value, plain):
    back = decode(encode(value))
    assert back == plain and type(back) is type(plain)


@pytest.mark.parametrize(
    "value",
    [
        ...,
        slice(1, None, 2),
        range(2, 9, 3),
        bytearray(b"x"),
        2**9000,
        -(2**70),
        fractions.Fraction(1, 3),
        decimal.Decimal("1.10"),
        np.float32(2.5),
        np.dtype("<f4"),
        np.int8,
        torch.bfloat16,
        int,
        pathlib.Path("a/b"),
    ],
)
def test_decode_returns_small_things_of_the_field(value):
    back = decode(encode(value))
    assert back == value and type(back) is type(value)


def test_decode_returns_layers_and_networks():
    body = nn.Sequential(nn.Flatten(), nn.Linear(12, 5, bias=False))
    for net in (nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), body).eval(), Net()):
        next(net.parameters()).requires_grad_(False)
        back = decode(encode(net))
        assert repr(back) == repr(net) and back.training == net.training
        state = net.state_dict()
        assert all(torch.equal(tensor, state[key]) for key, tensor in back.state_dict().items())
        flags = [[p.requires_grad for p in n.parameters()] for n in (back, net)]
        assert flags[0] == flags[1]


class Strange:
    """An object that claims to be anything."""

    __class__ = int

    def __eq__(self, other):
        return True

    __hash__ = object.__hash__

    def __repr__(self):
        return "3"


class Layer(nn.Linear):
    """A layer of a learner."""


@pytest.mark.parametrize(
    "value", [object(), Strange(), encode, lambda: 3, Layer(1, 1), open, np.array([object()])]
)
def test_other_objects_arrive_as_foreign_ones(value):
    back = decode(encode([value]))[0]
    assert isinstance(back, Foreign) and type(back).__name__ == type(value).__name__
    assert back != 3
    with pytest.raises(NotPlain, match="is not plain data"):
        values.encode_plain([value])


def test_changed_networks_are_no_networks_of_the_list():
    hooked, replaced, own = nn.Linear(1, 1), Net(), nn.Linear(1, 1)
    hooked.register_forward_hook(lambda *a: torch.zeros(1))
    replaced.fc1 = nn.Identity()
    own.forward = lambda x: x
    for net in (hooked, replaced, own):
        assert isinstance(decode(encode(net)), Foreign)


def test_generators_arrive_with_their_items():
    back = decode(encode(number * 2 for number in range(3)))
    assert list(back) == [0, 2, 4] and list(back) == []
    assert list(decode(encode({1: 2}.items()))) == [(1, 2)]


def test_encode_has_limits(monkeypatch):
    monkeypatch.setattr(values, "_MAX_ITEMS", 20_000)
    monkeypatch.setattr(values, "_MAX_ITERATED", 1_000)
    deep = []
    for _ in range(300):
        deep = [deep]
    endless = iter(int, 1)
    large = np.zeros(values.MAX_BYTES + 1, np.uint8)
    for value, words in [
        (deep, "nested too deeply"),
        (endless, "more than 1,000 items"),
        (large, "more than 64 MiB"),
        (2 ** (2**24), "is not plain data"),
    ]:
        with pytest.raises(NotPlain, match=words):
            values.encode_plain(value)
        assert isinstance(decode(encode(value)), Foreign)
    doubled = [0]
    for _ in range(40):
        doubled = [doubled, doubled]
    assert isinstance(decode(encode(doubled)), Foreign)


EXAMPLES = [
    crossed(value)
    for value in (
        {"a": [1, 2.5, (None, True)], 7: {1, 2}},
        np.arange(6).reshape(2, 3),
        torch.ones(2, 2),
        nn.Sequential(nn.Linear(2, 1), nn.ReLU()),
        [object(), np.float32, torch.float32, range(3), slice(1), pathlib.Path("x")],
    )
]
WORDS = sorted({*values._BY_KIND, *networks._LAYERS, *networks.NETWORKS, "<f4", "O", "float32"})
TREES = st.recursive(
    KEYS.filter(lambda key: not isinstance(key, bytes)) | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner) | st.tuples(st.sampled_from(WORDS), inner, inner).map(list),
    max_leaves=15,
)


def assert_value_or_damaged(tree):
    tracemalloc.start()
    try:
        decode(tree)
    except Damaged:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 20 * len(json.dumps(tree)) + 5_000_000, "memory only for data that are there"


@given(TREES)
def test_decode_random_json_gives_value_or_error(tree):
    assert_value_or_damaged(tree)


def places(tree):
    """Yield each list in a tree with its indices."""
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield tree, index
            yield from places(item)


@given(
    st.sampled_from(EXAMPLES), st.lists(st.tuples(st.integers(0), TREES), max_size=3, min_size=1)
)
def test_decode_mutated_json_gives_value_or_error(tree, changes):
    tree = copy.deepcopy(tree)
    for number, new in changes:
        found = list(places(tree))
        if found:
            where, index = found[number % len(found)]
            where[index] = new
    assert_value_or_damaged(tree)


def test_decode_takes_no_memory_for_claimed_sizes():
    name, dtype, _, order, content = crossed(np.zeros(1))
    with pytest.raises(Damaged):
        decode([name, dtype, [2**38], order, content])
    layer = crossed(nn.Linear(1, 1))
    layer[3][2] = [2**36, 2**36, True]
    with pytest.raises(Damaged):
        decode(layer)


def test_decode_without_references_knows_no_functions():
    class Numbers(values.References):
        def number_of(self, value):
            return ("function", 1) if callable(value) else None

    content = encode(len, Numbers())
    with pytest.raises(Damaged, match="there is no function 1"):
        decode(content)


def test_stand_in_crosses_as_its_weights():
    net = StandIn()
    with torch.no_grad():
        net.weight.add_(2)
    net.history = "qt"
    back = decode(encode(net))
    assert torch.equal(back.weight, net.weight) and back.history == ""
