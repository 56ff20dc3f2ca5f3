"""Plain data between the kernel and the judge: values as JSON, and JSON as values.

Only data crosses: numbers, texts, containers, arrays, tensors, and the layers and networks of a
short list. Decoding builds nothing else, whatever the JSON is, and takes memory only for data that
is there. Anything else arrives as a `Foreign` object, which has a type name and a text.

The kernel and the judge load this folder by its path, so that a lesson without torch does not wait
for torch; numpy and torch are used only where they are loaded already, or where a value needs them.
"""

from __future__ import annotations

import array
import base64
import collections
import decimal
import fractions
import importlib
import io
import math
import pathlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from . import networks
from .foreign import MAX_TEXT, Foreign, Items, text_of
from .networks import Damaged, NotPlain

MAX_BYTES = 64 * 2**20  # of one value
_MAX_DEPTH = 100
_MAX_ITEMS = 2_000_000  # of all containers in a value together
_MAX_ITERATED = 100_000  # items of a generator
_SMALL_BITS, _MAX_BITS = 64, 8 * 2**20  # of an integer: as a number of JSON, and at most
_NUMPY_KINDS = "biufcUS"
_TORCH_TYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128",
)  # fmt: skip
_CONTAINERS: dict[Any, str] = {
    list: "list", tuple: "tuple", set: "set", frozenset: "frozenset",
}  # fmt: skip
_TYPES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


class References:
    """How one side writes and reads what is not data: functions, and networks with a history.

    The plain one has none. A side that has some overrides these methods.
    """

    def number_of(self, value: Any) -> tuple[str, int | str] | None:
        """Return the kind of a reference and its number or name; None for plain data."""
        return None

    def resolve(self, kind: str, number: int | str, text: str) -> Any:
        """Return the object of a reference."""
        raise Damaged(f"there is no {kind} {number!r}")

    def network_number(self, network: Any) -> int:
        """Return the number of a network with a history; 0 for one that has none."""
        return 0

    def network(self, number: int) -> Any:
        """Return a network to fill with the state that arrived."""
        return networks.network_class("StandIn")()


def encode(value: Any, references: References | None = None) -> Any:
    """Return a value as JSON; objects that are no data become `Foreign` ones.

    Parameters
    ----------
    value : object
        Of any type; subclasses of plain types count as those.
    references : References, optional
        Writes functions and networks with a history.

    Returns
    -------
    None, bool, int, float, str or list
        What `json.dumps` takes. A value of more than `MAX_BYTES` becomes a `Foreign` one.

    Examples
    --------
    >>> encode((1, "two"))
    ['tuple', [1, 'two']]
    >>> decode(encode((1, [2.5, "three"], {4: None})))
    (1, [2.5, 'three'], {4: None})
    >>> isinstance(decode(encode(encode)), Foreign)
    True
    """
    try:
        return _Writer(references or References()).write(value, 0)
    except NotPlain as error:
        name = type(value).__name__
        return ["foreign", name, f"<{name}: {error}>"]
    except Exception:  # of an object's own methods
        return _foreign(value)


def encode_plain(value: Any, references: References | None = None) -> Any:
    """Return a value as JSON like `encode`.

    Raises
    ------
    NotPlain
        If a part of it is no data, or it is too large or too deeply nested.

    Examples
    --------
    >>> try:
    ...     encode_plain(object())
    ... except NotPlain as error:
    ...     print(error)
    an object is not plain data
    """
    return _Writer(references or References(), strict=True).write(value, 0)


def decode(tree: Any, references: References | None = None) -> Any:
    """Return the value that `encode` has written.

    Parameters
    ----------
    tree : None, bool, int, float, str or list
        From the other process, by way of `json.loads`; nothing about it is trusted.
    references : References, optional
        Finds functions and networks with a history.

    Raises
    ------
    Damaged
        If it is anything else.

    Examples
    --------
    >>> decode(["list", [-12.5]])
    [-12.5]
    >>> try:
    ...     decode(["no value"])
    ... except Damaged as error:
    ...     print(error)
    this is not an encoded value
    """
    try:
        return _Reader(references or References()).read(tree, 0)
    except Damaged:
        raise
    except Exception:
        raise Damaged("this is not an encoded value") from None


def random_states() -> dict[str, Any]:
    """Return the states of the shared random generators; None for those that are not loaded."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy": None, "torch": None}
    if "numpy.random" in sys.modules:
        kind, keys, *rest = sys.modules["numpy.random"].get_state()
        states["numpy"] = (kind, keys.tobytes(), *rest)
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states


class _Writer:
    """Writes one value; counts its bytes and items."""

    def __init__(self, references: References, *, strict: bool = False) -> None:
        self._references, self._strict = references, strict
        self._size = self._items = 0

    def write(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is int and value.bit_length() <= _SMALL_BITS:
            return value
        if kind is int and value.bit_length() <= _MAX_BITS:
            self._add_bytes(value.bit_length() // 4)
            return ["int", hex(value)]
        if kind is str:
            self._add_bytes(len(value))
            return value
        if depth > _MAX_DEPTH:
            raise NotPlain("the value is nested too deeply")
        if kind in _CONTAINERS:
            return [_CONTAINERS[kind], self._all(value, depth)]
        if kind is dict:
            return ["dict", self._all(value.keys(), depth), self._all(value.values(), depth)]
        if kind is bytes or kind is bytearray:
            return [kind.__name__, self._base64(bytes(value))]
        reference = self._references.number_of(value)
        if reference is not None:
            return ["reference", *reference, text_of(value)]
        node = self._small(value) or self._array(value) or self._tensor(value, depth)
        if node is None:
            plain = _plain_base(value)
            node = self.write(plain, depth) if plain is not None else self._iterated(value, depth)
        if node is None and self._strict:
            raise NotPlain(f"{_article(kind)} is not plain data")
        return _foreign(value) if node is None else node

    def _all(self, items: Any, depth: int) -> list[Any]:
        self._items += len(items)
        if self._items > _MAX_ITEMS:
            raise NotPlain(f"the value has more than {_MAX_ITEMS:,} items")
        return [self.write(item, depth + 1) for item in list(items)]

    def _add_bytes(self, size: int) -> None:
        self._size += size
        if self._size > MAX_BYTES:
            raise NotPlain(f"the value takes more than {MAX_BYTES / 2**20:.0f} MiB")

    def _base64(self, content: bytes) -> str:
        self._add_bytes(len(content))
        return base64.b64encode(content).decode()

    def _small(self, value: Any) -> list[Any] | None:
        kind = type(value)
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind is fractions.Fraction:
            return ["fraction", self.write(value.numerator, 1), self.write(value.denominator, 1)]
        if kind is decimal.Decimal:
            return ["decimal", self.write(str(value), 1)]
        if kind is range or kind is slice:
            parts = (value.start, value.stop, value.step)
            return [kind.__name__, *(self.write(part, 1) for part in parts)]
        if value is ...:
            return ["..."]
        if issubclass(kind, pathlib.PurePath):
            return ["path", str(value)]
        if issubclass(kind, type) and value in _TYPES:
            return ["type", "builtin", value.__name__]
        return None

    def _array(self, value: Any) -> list[Any] | None:
        numpy, kind = sys.modules.get("numpy"), type(value)
        if numpy is None:
            return None
        if issubclass(kind, numpy.dtype) and value.kind in _NUMPY_KINDS:
            return ["type", "numpy", value.str]
        if issubclass(kind, type) and issubclass(value, numpy.generic):
            return ["type", "numpy scalar", value.__name__]
        is_scalar = issubclass(kind, numpy.generic)
        if not (is_scalar or hasattr(kind, "__array__") or hasattr(kind, "__array_interface__")):
            return None
        if "torch" in sys.modules and issubclass(kind, sys.modules["torch"].Tensor):
            return None
        found = numpy.asarray(value)
        if found.dtype.kind not in _NUMPY_KINDS or found.dtype.names:
            return None
        order = _memory_order(found.strides, found.shape)
        self._add_bytes(found.nbytes)
        content = base64.b64encode(found.transpose(order).tobytes()).decode()
        name = "scalar" if is_scalar else "array"
        return [name, found.dtype.str, list(found.shape), order, content]

    def _tensor(self, value: Any, depth: int) -> list[Any] | None:
        torch, kind = sys.modules.get("torch"), type(value)
        if torch is None:
            return None
        if kind is torch.dtype:
            return ["type", "torch", str(value).removeprefix("torch.")]
        if issubclass(kind, torch.nn.Module):
            return self._network(value, depth)
        if not issubclass(kind, torch.Tensor) or value.device.type == "meta":
            return None
        name = str(value.dtype).removeprefix("torch.")
        if name not in _TORCH_TYPES:
            return None
        plain = value.detach()
        plain = plain.to_dense() if plain.layout != torch.strided else plain
        plain = plain.cpu().resolve_conj().resolve_neg()
        self._add_bytes(plain.numel() * plain.element_size())
        order = _memory_order(plain.stride(), plain.shape)
        content = plain.permute(order).contiguous().reshape(-1).view(torch.uint8).numpy()
        flags = [issubclass(kind, torch.nn.Parameter), bool(value.requires_grad)]
        return ["tensor", name, *flags, list(plain.shape), order,
                base64.b64encode(content.tobytes()).decode()]  # fmt: skip

    def _network(self, network: Any, depth: int) -> list[Any] | None:
        parts = networks.describe(network)
        if parts is None:
            return None
        name, arguments, state, children = parts
        number = self._references.network_number(network) if name == "StandIn" else 0
        inner = []
        for key, child in children.items():
            node = self._network(child, depth + 1)
            if node is None:
                raise NotPlain(f"{_article(type(child))} in a network is no layer of the list")
            inner.append([key, node])
        written = (self.write(arguments, depth + 1), self.write(state, depth + 1))
        training = [layer.training for layer in network.modules()]
        return ["network", name, number, *written, training, inner]

    def _iterated(self, value: Any, depth: int) -> list[Any] | None:
        kind = type(value)
        if kind is Items:
            items = value.left()
        elif kind in _VIEWS or (issubclass(kind, Iterator) and not issubclass(kind, io.IOBase)):
            items = []
            for item in value:
                items.append(item)
                if len(items) > _MAX_ITERATED:
                    raise NotPlain(f"the generator gives more than {_MAX_ITERATED:,} items")
        else:
            return None
        return ["items", self._all(items, depth), text_of(value)]


class _Reader:
    """Reads one value; every size is compared with the data that is there."""

    def __init__(self, references: References) -> None:
        self._references = references

    def read(self, node: Any, depth: int) -> Any:
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is not list or depth > _MAX_DEPTH + 2:
            _damaged()
        kind, *parts = node
        return _BY_KIND[kind](self, depth, *parts)

    def _all(self, nodes: Any, depth: int) -> list[Any]:
        if type(nodes) is not list:
            _damaged()
        return [self.read(node, depth + 1) for node in nodes]

    def _keys(self, nodes: Any, depth: int) -> list[Any]:
        """Return items that are compared by Python's own types only."""
        keys = self._all(nodes, depth)
        if not all(map(_is_key, keys)):
            _damaged()
        return keys

    def _dict(self, depth: int, names: Any, values: Any) -> dict[Any, Any]:
        return dict(zip(self._keys(names, depth), self._all(values, depth), strict=True))

    def _range(self, depth: int, *parts: Any) -> range:
        return range(*(part for part in parts if type(part) is int))

    def _slice(self, depth: int, *parts: Any) -> slice:
        return slice(*self._all(list(parts), depth))

    def _type(self, depth: int, kind: str, name: str) -> Any:
        if kind == "builtin":
            return {known.__name__: known for known in _TYPES}[name]
        if kind == "torch" and name in _TORCH_TYPES:
            return getattr(importlib.import_module("torch"), name)
        numpy = importlib.import_module("numpy")
        if kind == "numpy":
            return _numpy_type(name)
        scalar = getattr(numpy, name)
        if kind != "numpy scalar" or not issubclass(scalar, numpy.generic):
            _damaged()
        return scalar

    def _array(self, depth: int, name: str, shape: Any, order: Any, content: str) -> Any:
        numpy, dtype = importlib.import_module("numpy"), _numpy_type(name)
        data = _bytes_of(content, shape, order, dtype.itemsize)
        flat = numpy.frombuffer(bytearray(data), dtype) if data else numpy.empty(0, dtype)
        return flat.reshape([shape[axis] for axis in order]).transpose(_inverse(order))

    def _tensor(
        self, depth: int, name: str, is_parameter: Any, needs_gradient: Any, shape: Any,
        order: Any, content: str,
    ) -> Any:  # fmt: skip
        torch = importlib.import_module("torch")
        if name not in _TORCH_TYPES:
            _damaged()
        dtype = getattr(torch, name)
        data = _bytes_of(content, shape, order, dtype.itemsize)
        flat = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0).to(dtype)
        tensor = flat.reshape([shape[axis] for axis in order]).permute(_inverse(order))
        if is_parameter:
            return torch.nn.Parameter(tensor, requires_grad=bool(needs_gradient))
        return tensor.requires_grad_(bool(needs_gradient))

    def _network(
        self, depth: int, name: str, number: Any, arguments: Any, state: Any, training: Any,
        children: Any,
    ) -> Any:  # fmt: skip
        if type(number) is not int or depth > _MAX_DEPTH:
            _damaged()
        if name == "StandIn":
            network = self._references.network(number)
        else:
            network = networks.build(name, self.read(arguments, depth + 1))
        networks.fill(network, self.read(state, depth + 1))
        for key, (kind, *parts) in children if name == "Sequential" else ():
            if kind != "network":
                _damaged()
            network.add_module(key, self._network(depth + 1, *parts))
        for layer, flag in zip(network.modules(), training, strict=True):
            layer.training = bool(flag)
        return network

    def _foreign(self, depth: int, name: str, text: str) -> Foreign:
        shown = name if name.isidentifier() and len(name) <= 60 else "object"
        return type(shown, (Foreign,), {})(str(text)[:MAX_TEXT])  # type: ignore[no-any-return]

    def _reference(self, depth: int, kind: str, number: Any, text: str) -> Any:
        if type(number) not in (int, str):
            _damaged()
        return self._references.resolve(kind, number, text)


_BY_KIND: dict[str, Callable[..., Any]] = {
    "list": lambda reader, depth, nodes: reader._all(nodes, depth),
    "tuple": lambda reader, depth, nodes: tuple(reader._all(nodes, depth)),
    "set": lambda reader, depth, nodes: set(reader._keys(nodes, depth)),
    "frozenset": lambda reader, depth, nodes: frozenset(reader._keys(nodes, depth)),
    "items": lambda reader, depth, nodes, text: Items(reader._all(nodes, depth), str(text)),
    "bytes": lambda reader, depth, text: base64.b64decode(text, validate=True),
    "bytearray": lambda reader, depth, text: bytearray(base64.b64decode(text, validate=True)),
    "int": lambda reader, depth, text: int(text, 16),
    "fraction": lambda reader, depth, *parts: fractions.Fraction(*reader._all(list(parts), depth)),
    "decimal": lambda reader, depth, text: decimal.Decimal(text),
    "complex": lambda reader, depth, real, imag: complex(float(real), float(imag)),
    "path": lambda reader, depth, text: pathlib.Path(text),
    "...": lambda reader, depth: ...,
    "scalar": lambda reader, depth, *parts: reader._array(depth, *parts)[()],
    **{name: getattr(_Reader, f"_{name}") for name in (
        "dict", "range", "slice", "type", "array", "tensor", "network", "foreign", "reference",
    )},
}  # fmt: skip


def _damaged() -> NoReturn:
    raise Damaged("this is not an encoded value")


def _foreign(value: Any) -> list[Any]:
    return ["foreign", type(value).__name__, text_of(value)]


def _article(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def _plain_base(value: Any) -> Any:
    """Return a value as the plain type that its class is derived from; None if there is none."""
    kind = type(value)  # and not `isinstance`, which asks the object
    bases: tuple[Any, ...] = (
        int,
        float,
        complex,
        str,
        bytes,
        bytearray,
        tuple,
        list,
        frozenset,
        set,
    )
    for base in bases:
        if issubclass(kind, base) and kind is not base:
            return base(value)
    if issubclass(kind, memoryview):
        return value.tobytes()
    if issubclass(kind, collections.deque | collections.UserList | array.array):
        return list(value)
    return dict(value) if issubclass(kind, Mapping) else None


def _is_key(value: Any) -> bool:
    if type(value) is tuple or type(value) is frozenset:
        return all(map(_is_key, value))
    is_scalar = "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic)
    plain = (type(None), bool, int, float, complex, str, bytes, range, type(pathlib.Path()),
             fractions.Fraction, decimal.Decimal)  # fmt: skip
    return is_scalar or type(value) in plain or isinstance(value, type | Foreign)


def _memory_order(strides: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """Return the axes from the widest stride to the narrowest, as they lie in memory."""
    axes = range(len(shape))
    return sorted(axes, key=lambda axis: (shape[axis] > 1 and -abs(strides[axis]), axis))


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _bytes_of(content: str, shape: Any, order: Any, item_size: int) -> bytes:
    """Return the bytes of an array, which must be as many as its shape needs."""
    data = base64.b64decode(content, validate=True)
    if sorted(order) != list(range(len(shape))) or len(shape) > 32:
        _damaged()
    if not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        _damaged()
    if len(data) != math.prod(shape) * item_size:
        _damaged()
    return data


def _numpy_type(name: str) -> Any:
    dtype = importlib.import_module("numpy").dtype(name)
    if dtype.kind not in _NUMPY_KINDS or dtype.names or dtype.subdtype or not dtype.itemsize:
        _damaged()
    return dtype
