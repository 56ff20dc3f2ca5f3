"""Plain data between the kernel and the judge: values as bytes, and bytes as values.

Only data crosses: numbers, texts, containers, arrays, tensors, and the layers and networks of a
short list. Decoding builds nothing else, whatever the bytes are, and takes memory only for data
that is there. Anything else arrives as a `Foreign` object, which has a type name and a text.

The kernel and the judge load this file by its path, so that a lesson without torch does not wait
for torch; numpy and torch are used only where they are loaded already, or where a value needs them.
"""

from __future__ import annotations

import collections
import importlib
import io
import math
import pathlib
import random
import reprlib
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

MAX_BYTES = 64 * 2**20  # of one value
_MAX_DEPTH = 100
_MAX_ITEMS = 2_000_000  # of all containers in a value together
_MAX_ITERATED = 100_000  # items of a generator
_MAX_INTEGER_BYTES = 4096
_MAX_TEXT = 200  # characters of a foreign object
_MAX_DIMENSIONS = 32

_NUMPY_KINDS = "biufcUS"
_TORCH_TYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32",
    "float64", "complex64", "complex128",
)  # fmt: skip
_BUILTIN_TYPES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
_LENGTH, _REAL, _NUMBER = struct.Struct("<I"), struct.Struct("<d"), struct.Struct("<q")
# Attributes of each layer that are the arguments of its class.
_LAYERS = {
    "Linear": ("in_features", "out_features"),
    "Conv1d": ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation",
               "groups", "padding_mode"),
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation",
               "groups", "padding_mode"),
    "BatchNorm1d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    "AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "Dropout": ("p", "inplace"),
    "Flatten": ("start_dim", "end_dim"),
    "ReLU": ("inplace",),
    "Softmax": ("dim",),
    "Sigmoid": (), "Tanh": (), "Identity": (), "Sequential": (),
}  # fmt: skip
_WITH_BIAS = ("Linear", "Conv1d", "Conv2d")
# Networks of this package that are built without arguments: module and class.
_NETWORKS = {"Net": "quantlab_helpers.model", "StandIn": "quantlab_helpers.checks.stand_in"}


class NotPlain(TypeError):
    """A value that cannot cross as data; the message says why."""


class Damaged(ValueError):
    """Bytes that are not an encoded value."""


class Foreign:
    """What the other process had in place of plain data: the name of its type, and its text.

    It has no other attribute, equals nothing but itself and is no number.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        """Return the text of the original object, in angle brackets."""
        text = self._text
        return text if text.startswith("<") else f"<{type(self).__name__}: {text}>"


class Items:
    """The items that a generator or another one-way iterator gave in the other process."""

    def __init__(self, items: list[Any], text: str) -> None:
        self._items, self._text, self._next = items, text, 0

    def __iter__(self) -> Iterator[Any]:
        """Return the items that are left."""
        return self

    def __next__(self) -> Any:
        """Return the next item."""
        if self._next == len(self._items):
            raise StopIteration
        self._next += 1
        return self._items[self._next - 1]

    def left(self) -> list[Any]:
        """Return the items that are left, without taking them."""
        return self._items[self._next :]

    def __repr__(self) -> str:
        """Return the text of the original object."""
        return self._text


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
        return _network_class("StandIn")()


def encode(value: Any, references: References | None = None) -> bytes:
    """Return a value as bytes; objects that are no data become `Foreign` ones.

    Parameters
    ----------
    value : object
        Of any type; subclasses of plain types count as those.
    references : References, optional
        Writes functions and networks with a history.

    Returns
    -------
    bytes
        At most `MAX_BYTES` long and a little more; a larger value becomes a `Foreign` one.

    Examples
    --------
    >>> decode(encode((1, [2.5, "three"], {4: None})))
    (1, [2.5, 'three'], {4: None})
    >>> decode(encode(encode))
    <function encode at ...>
    """
    writer = _Writer(references or References())
    try:
        writer.write(value, 0)
    except Exception as error:  # also of an object's own methods
        writer = _Writer(references or References())
        writer.foreign(value, str(error))
    return b"".join(writer.parts)


def encode_plain(value: Any, references: References | None = None) -> bytes:
    """Return a value as bytes like `encode`.

    Raises
    ------
    NotPlain
        If a part of it is no data, or it is too large or too deeply nested.

    Examples
    --------
    >>> encode_plain(object())
    Traceback (most recent call last):
    ...
    NotPlain: an object is not plain data
    """
    writer = _Writer(references or References(), strict=True)
    writer.write(value, 0)
    return b"".join(writer.parts)


def decode(content: bytes, references: References | None = None) -> Any:
    """Return the value of bytes that `encode` made.

    Parameters
    ----------
    content : bytes
        From the other process; nothing about it is trusted.
    references : References, optional
        Finds functions and networks with a history.

    Raises
    ------
    Damaged
        If the bytes are anything else.

    Examples
    --------
    >>> decode(encode(-12.5))
    -12.5
    >>> decode(b"no value")
    Traceback (most recent call last):
    ...
    Damaged: these bytes are not an encoded value
    """
    reader = _Reader(content, references or References())
    try:
        value = reader.read(0)
    except Damaged:
        raise
    except Exception:
        raise Damaged("these bytes are not an encoded value") from None
    if reader.place != len(reader.content):
        raise Damaged("there are more bytes than the encoded value has")
    return value


# Short also for containers that would be endless in full.
_short_texts = reprlib.Repr()
_short_texts.maxother = _short_texts.maxstring = _MAX_TEXT


def text_of(
    value: Any, to_text: Callable[[Any], str] = _short_texts.repr, *, limit: int = _MAX_TEXT
) -> str:
    """Return the text of any object, at most `limit` characters, or a note if it raises."""
    try:
        text = str.__str__(to_text(value))
    except BaseException as error:
        return f"[no text: {type(error).__name__}]"
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


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
    """Writes one value as a list of bytes."""

    def __init__(self, references: References, *, strict: bool = False) -> None:
        self.parts: list[bytes] = []
        self._references, self._strict = references, strict
        self._size = self._items = 0

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        writes = _BY_TYPE.get(kind)
        if depth > _MAX_DEPTH:
            raise NotPlain("the value is nested too deeply")
        if writes is not None:
            writes(self, value, depth)
        elif not self._write_reference(value) and not self._write_subclass(value, depth):
            self.foreign(value, f"{_article(kind)} is not plain data")

    def foreign(self, value: Any, reason: str) -> None:
        if self._strict:
            raise NotPlain(reason)
        self._tag(b"o")
        self._text(type(value).__name__)
        self._text(text_of(value))

    def _write_reference(self, value: Any) -> bool:
        reference = self._references.number_of(value)
        if reference is None:
            return False
        kind, number = reference
        self._tag(b"u")
        self._text(kind)
        self.write(number, 0)
        self._text(text_of(value))
        return True

    def _write_subclass(self, value: Any, depth: int) -> bool:
        """Write a value as the plain type that its class is derived from."""
        kind = type(value)  # and not `isinstance`, which asks the object
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if numpy is not None:
            if issubclass(kind, numpy.generic):
                return self._write_array(b"x", numpy.asarray(value))
            if issubclass(kind, numpy.ndarray):
                return self._write_array(b"a", numpy.asarray(value))
            if issubclass(kind, numpy.dtype) and value.kind in _NUMPY_KINDS:
                return self._write_name("numpy", value.str)
            if issubclass(kind, type) and issubclass(value, numpy.generic):
                return self._write_name("numpy type", value.__name__)
        if torch is not None:
            if issubclass(kind, torch.Tensor):
                return self._write_tensor(value)
            if issubclass(kind, torch.nn.Module):
                return self._write_network(value, depth)
            if issubclass(kind, torch.dtype):
                return self._write_name("torch", str(value).removeprefix("torch."))
        bases: tuple[Any, ...] = (int, float, complex, str, bytes, bytearray)
        for base in bases:
            if issubclass(kind, base):
                _BY_TYPE[base](self, base(value), depth)
                return True
        if issubclass(kind, memoryview):
            self._bytes(b"b", value.tobytes())
        elif issubclass(kind, pathlib.PurePath):
            self._tag(b"p")
            self._text(str(value))
        elif issubclass(kind, type) and value in _BUILTIN_TYPES:
            return self._write_name("builtin", value.__name__)
        elif issubclass(kind, tuple):
            self._sequence(b"t", tuple(value), depth)
        elif issubclass(kind, list | collections.deque):
            self._sequence(b"l", list(value), depth)
        elif issubclass(kind, set | frozenset):
            self._sequence(b"e", list(value), depth)
        elif issubclass(kind, Mapping):
            self._mapping(dict(value), depth)
        elif hasattr(kind, "__array__") or hasattr(kind, "__array_interface__"):
            return numpy is not None and self._write_array(b"a", numpy.asarray(value))
        elif (issubclass(kind, Iterator) and not issubclass(kind, io.IOBase)) or (kind in _VIEWS):
            self._iterated(value, depth)
        else:
            return False
        return True

    def _tag(self, tag: bytes) -> None:
        self.parts.append(tag)

    def _add(self, content: bytes) -> None:
        self._size += len(content)
        if self._size > MAX_BYTES:
            raise NotPlain(f"the value takes more than {MAX_BYTES / 2**20:.0f} MiB")
        self.parts.append(content)

    def _length(self, length: int) -> None:
        self.parts.append(_LENGTH.pack(length))

    def _none(self, value: None, depth: int) -> None:
        self._tag(b"N")

    def _bool(self, value: bool, depth: int) -> None:
        self._tag(b"T" if value else b"F")

    def _int(self, value: int, depth: int) -> None:
        size = value.bit_length() // 8 + 1
        if size > _MAX_INTEGER_BYTES:
            self.foreign(value, "an integer has too many digits")
        else:
            self._bytes(b"i", value.to_bytes(size, "little", signed=True))

    def _float(self, value: float, depth: int) -> None:
        self.parts += (b"f", _REAL.pack(value))

    def _complex(self, value: complex, depth: int) -> None:
        self.parts += (b"c", _REAL.pack(value.real), _REAL.pack(value.imag))

    def _str(self, value: str, depth: int) -> None:
        self._bytes(b"s", value.encode("utf-8", "surrogatepass"))

    def _bytes_value(self, value: bytes, depth: int) -> None:
        self._bytes(b"b", value)

    def _bytearray(self, value: bytearray, depth: int) -> None:
        self._bytes(b"B", bytes(value))

    def _list(self, value: list[Any], depth: int) -> None:
        self._sequence(b"l", value, depth)

    def _tuple(self, value: tuple[Any, ...], depth: int) -> None:
        self._sequence(b"t", value, depth)

    def _set(self, value: set[Any], depth: int) -> None:
        self._sequence(b"e", list(value), depth)

    def _frozenset(self, value: frozenset[Any], depth: int) -> None:
        self._sequence(b"E", list(value), depth)

    def _range(self, value: range, depth: int) -> None:
        self._tag(b"r")
        for number in (value.start, value.stop, value.step):
            self._int(number, depth)

    def _slice(self, value: slice, depth: int) -> None:
        self._tag(b"z")
        for part in (value.start, value.stop, value.step):
            self.write(part, depth + 1)

    def _ellipsis(self, value: Any, depth: int) -> None:
        self._tag(b".")

    def _text(self, text: str) -> None:
        content = str.__str__(text).encode("utf-8", "replace")
        self._length(len(content))
        self._add(content)

    def _bytes(self, tag: bytes, content: bytes) -> None:
        self._tag(tag)
        self._length(len(content))
        self._add(content)

    def _sequence(self, tag: bytes, items: Any, depth: int) -> None:
        self._tag(tag)
        self._count(len(items))
        for item in items:
            self.write(item, depth + 1)

    def _mapping(self, value: dict[Any, Any], depth: int) -> None:
        self._tag(b"d")
        self._count(2 * len(value))
        for name, item in list(value.items()):
            self.write(name, depth + 1)
            self.write(item, depth + 1)

    def _count(self, number: int) -> None:
        self._items += number
        if self._items > _MAX_ITEMS:
            raise NotPlain(f"the value has more than {_MAX_ITEMS:,} items")
        self._length(number)

    def _iterated(self, value: Any, depth: int) -> None:
        items = value.left() if type(value) is Items else []
        for item in () if type(value) is Items else value:
            items.append(item)
            if len(items) > _MAX_ITERATED:
                raise NotPlain(f"the generator gives more than {_MAX_ITERATED:,} items")
        self._sequence(b"g", items, depth)
        self._text(text_of(value))

    def _write_name(self, kind: str, name: str) -> bool:
        self._tag(b"y")
        self._text(kind)
        self._text(name)
        return True

    def _write_array(self, tag: bytes, array: Any) -> bool:
        if array.dtype.kind not in _NUMPY_KINDS or array.dtype.names:
            return False
        if array.nbytes > MAX_BYTES:
            raise NotPlain(f"an array takes more than {MAX_BYTES / 2**20:.0f} MiB")
        order = _memory_order(array.strides, array.shape)
        self._tag(tag)
        self._text(array.dtype.str)
        self._shape(array.shape, order)
        self._add(array.transpose(order).tobytes())
        return True

    def _write_tensor(self, tensor: Any) -> bool:
        torch = sys.modules["torch"]
        name = str(tensor.dtype).removeprefix("torch.")
        if name not in _TORCH_TYPES or tensor.device.type == "meta":
            return False
        plain = tensor.detach()
        plain = plain.to_dense() if plain.layout != torch.strided else plain
        plain = plain.cpu().resolve_conj().resolve_neg()
        if plain.numel() * plain.element_size() > MAX_BYTES:
            raise NotPlain(f"a tensor takes more than {MAX_BYTES / 2**20:.0f} MiB")
        order = _memory_order(plain.stride(), plain.shape)
        content = plain.permute(order).contiguous().reshape(-1).view(torch.uint8)
        self._tag(b"A")
        self._text(name)
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        self._tag(bytes([2 * is_parameter + bool(tensor.requires_grad)]))
        self._shape(tuple(plain.shape), order)
        self._add(content.numpy().tobytes())
        return True

    def _shape(self, shape: tuple[int, ...], order: list[int]) -> None:
        self._tag(bytes([len(shape), *order]))
        self.parts += [_NUMBER.pack(size) for size in shape]

    def _write_network(self, network: Any, depth: int) -> bool:
        """Write a layer or network: its class, its arguments, and its tensors by name."""
        name = type(network).__name__
        if name not in (*_LAYERS, *_NETWORKS) or type(network) is not _network_class(name):
            return False
        layers = list(network.modules())
        if any(_has_hooks(layer) for layer in layers):
            return False
        if name in _LAYERS and name != "Sequential" and network._modules:
            return False
        arguments = {key: getattr(network, key) for key in _LAYERS.get(name, ())}
        if name in _WITH_BIAS:
            arguments["bias"] = network.bias is not None
        children = list(network._modules.items()) if name == "Sequential" else []
        if name in _NETWORKS:
            if not _has_parts_of(network, name):
                return False
            state = [*network.named_parameters(), *network.named_buffers()]
        else:
            own = [*network._parameters.items(), *network._buffers.items()]
            state = [(key, tensor) for key, tensor in own if tensor is not None]
        self._tag(b"m")
        self._text(name)
        self.write(self._references.network_number(network) if name == "StandIn" else 0, depth)
        self._mapping(arguments, depth)
        self._mapping(dict(state), depth)
        self.write([layer.training for layer in layers], depth)
        self.write([key for key, _ in children], depth)
        for _, child in children:
            if not self._write_network(child, depth + 1):
                raise NotPlain(f"{_article(type(child))} in a network is not a layer of the list")
        return True


class _Reader:
    """Reads one value; every length is compared with what is left before memory is taken."""

    def __init__(self, content: bytes, references: References) -> None:
        self.content, self.place = memoryview(content), 0
        self._references = references
        self._items = 0

    def read(self, depth: int) -> Any:
        tag = bytes(self._take(1))
        reads = _BY_TAG.get(tag)
        if reads is None or depth > _MAX_DEPTH + 1:
            _damaged()
        return reads(self, depth)

    def _take(self, size: int) -> memoryview:
        part = self.content[self.place : self.place + size]
        if len(part) != size:
            _damaged()
        self.place += size
        return part

    def _length(self) -> int:
        return int(_LENGTH.unpack(self._take(4))[0])

    def _count(self) -> int:
        """Return a number of items: each takes at least a byte."""
        count = self._length()
        self._items += count
        if count > len(self.content) - self.place or self._items > _MAX_ITEMS:
            _damaged()
        return count

    def _text(self) -> str:
        return bytes(self._take(self._length())).decode()

    def _bytes(self, depth: int) -> bytes:
        return bytes(self._take(self._length()))

    def _int(self, depth: int) -> int:
        size = self._length()
        if size > _MAX_INTEGER_BYTES:
            _damaged()
        return int.from_bytes(self._take(size), "little", signed=True)

    def _float(self, depth: int) -> float:
        return float(_REAL.unpack(self._take(8))[0])

    def _complex(self, depth: int) -> complex:
        return complex(self._float(depth), self._float(depth))

    def _str(self, depth: int) -> str:
        return self._bytes(depth).decode("utf-8", "surrogatepass")

    def _list(self, depth: int) -> list[Any]:
        return [self.read(depth + 1) for _ in range(self._count())]

    def _keys(self, depth: int) -> list[Any]:
        """Return items that are compared by Python's own types only."""
        items = self._list(depth)
        if not all(map(_is_key, items)):
            _damaged()
        return items

    def _dict(self, depth: int) -> dict[Any, Any]:
        items = self._list(depth)
        names = items[::2]
        if len(items) % 2 or not all(map(_is_key, names)):
            _damaged()
        return dict(zip(names, items[1::2], strict=True))

    def _range(self, depth: int) -> range:
        numbers = [self.read(depth + 1) for _ in range(3)]
        if not all(type(number) is int for number in numbers):
            _damaged()
        return range(*numbers)

    def _iterated(self, depth: int) -> Items:
        return Items(self._list(depth), self._text())

    def _named(self, depth: int) -> Any:
        kind, name = self._text(), self._text()
        if kind == "builtin":
            return {found.__name__: found for found in _BUILTIN_TYPES}[name]
        if kind == "torch" and name in _TORCH_TYPES:
            return getattr(importlib.import_module("torch"), name)
        numpy = importlib.import_module("numpy")
        if kind == "numpy":
            return _numpy_type(name)
        found = getattr(numpy, name)
        if kind != "numpy type" or not issubclass(found, numpy.generic):
            _damaged()
        return found

    def _array(self, depth: int) -> Any:
        numpy = importlib.import_module("numpy")
        dtype = _numpy_type(self._text())
        shape, order = self._shape()
        content = self._take(math.prod(shape) * dtype.itemsize)
        array = numpy.frombuffer(bytearray(content), dtype) if content else numpy.empty(0, dtype)
        return array.reshape([shape[axis] for axis in order]).transpose(_inverse(order))

    def _numpy_scalar(self, depth: int) -> Any:
        return self._array(depth)[()]

    def _tensor(self, depth: int) -> Any:
        torch = importlib.import_module("torch")
        name, flags = self._text(), self._take(1)[0]
        if name not in _TORCH_TYPES or flags > 3:
            _damaged()
        dtype = getattr(torch, name)
        shape, order = self._shape()
        content = self._take(math.prod(shape) * dtype.itemsize)
        if len(content):
            tensor = torch.frombuffer(bytearray(content), dtype=dtype)
        else:
            tensor = torch.empty(0, dtype=dtype)
        tensor = tensor.reshape([shape[axis] for axis in order]).permute(_inverse(order))
        needs_gradient = bool(flags & 1)
        if flags & 2:
            return torch.nn.Parameter(tensor, requires_grad=needs_gradient)
        return tensor.requires_grad_(needs_gradient)

    def _shape(self) -> tuple[list[int], list[int]]:
        """Return the sizes of all axes, and the axes from the widest stride to the narrowest."""
        dimensions = self._take(1)[0]
        order = list(self._take(dimensions))
        shape = [int(_NUMBER.unpack(self._take(8))[0]) for _ in order]
        if dimensions > _MAX_DIMENSIONS or sorted(order) != list(range(dimensions)):
            _damaged()
        if any(size < 0 or size >= 2**40 for size in shape):
            _damaged()
        return shape, order

    def _network(self, depth: int) -> Any:
        name, number = self._text(), self.read(depth)
        arguments, state = self.read(depth), self.read(depth)
        training, names = self.read(depth), self.read(depth)
        torch = importlib.import_module("torch")
        if type(number) is not int or not all(map(_is_argument, arguments.values())):
            _damaged()
        if name == "StandIn":
            network = self._references.network(number)
        else:
            if name in _LAYERS and arguments.keys() - {"bias"} != set(_LAYERS[name]):
                _damaged()
            with torch.device("meta"):  # no memory is taken for the sizes that are asked for
                network = _network_class(name)(**arguments)
        _fill(network, state)
        if name == "Sequential":
            for key in names:
                network.add_module(key, self.read_network(depth + 1))
        for layer, flag in zip(network.modules(), training, strict=True):
            layer.training = bool(flag)
        return network

    def read_network(self, depth: int) -> Any:
        if bytes(self._take(1)) != b"m" or depth > _MAX_DEPTH:
            _damaged()
        return self._network(depth)

    def _foreign(self, depth: int) -> Foreign:
        name, text = self._text(), self._text()
        shown = name if name.isidentifier() and len(name) <= 60 else "object"
        return type(shown, (Foreign,), {})(text)  # type: ignore[no-any-return]

    def _reference(self, depth: int) -> Any:
        kind, number, text = self._text(), self.read(depth), self._text()
        if type(number) not in (int, str):
            _damaged()
        return self._references.resolve(kind, number, text)


def _damaged() -> NoReturn:
    raise Damaged("these bytes are not an encoded value")


def _article(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def _is_key(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_key, value))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return True
    plain = (type(None), bool, int, float, complex, str, bytes, frozenset, range, *_PATHS)
    return type(value) in plain or isinstance(value, type)


def _is_argument(value: Any) -> bool:
    if type(value) is tuple:
        return len(value) <= 3 and all(type(item) is int for item in value)
    return value is None or type(value) in (bool, int, float, str)


def _memory_order(strides: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """Return the axes from the widest stride to the narrowest, as they lie in memory."""
    axes = range(len(shape))
    return sorted(axes, key=lambda axis: (shape[axis] > 1 and -abs(strides[axis]), axis))


def _inverse(order: list[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _numpy_type(name: str) -> Any:
    dtype = importlib.import_module("numpy").dtype(name)
    if dtype.kind not in _NUMPY_KINDS or dtype.names or dtype.subdtype or not dtype.itemsize:
        _damaged()
    return dtype


def _network_class(name: str) -> Any:
    if name in _NETWORKS:
        return getattr(importlib.import_module(_NETWORKS[name]), name)
    if name not in _LAYERS:
        _damaged()
    return getattr(importlib.import_module("torch").nn, name)


def _has_hooks(layer: Any) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    own_methods = ("forward", "parameters", "named_parameters", "state_dict")
    return any(getattr(layer, name) for name in hooks) or any(
        name in vars(layer) for name in own_methods
    )


def _has_parts_of(network: Any, name: str) -> bool:
    """Return whether a network still has the layers and shapes of its class."""
    torch = sys.modules["torch"]
    with torch.device("meta"):
        fresh = _network_class(name)()
    return _shapes(network) == _shapes(fresh)


def _shapes(network: Any) -> list[tuple[str, Any]]:
    state = [*network.named_parameters(), *network.named_buffers()]
    return [(name, tuple(tensor.shape)) for name, tensor in state]


def _fill(network: Any, state: dict[str, Any]) -> None:
    """Give a network the tensors that arrived; their names and shapes must be its own."""
    torch = sys.modules["torch"]
    own = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    if own.keys() != state.keys():
        _damaged()
    for name, tensor in state.items():
        path, _, key = name.rpartition(".")
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            _damaged()
        is_float = own[name].dtype.is_floating_point
        if tensor.shape != own[name].shape or tensor.dtype.is_floating_point != is_float:
            _damaged()
        layer = network.get_submodule(path)
        values = tensor.detach()
        if key in layer._parameters:
            layer._parameters[key] = torch.nn.Parameter(values, requires_grad=tensor.requires_grad)
        else:
            layer._buffers[key] = values


_PATHS = (pathlib.PurePath, pathlib.PurePosixPath, pathlib.PosixPath, pathlib.WindowsPath)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_BY_TYPE: dict[Any, Callable[[_Writer, Any, int], None]] = {
    type(None): _Writer._none,
    bool: _Writer._bool,
    int: _Writer._int,
    float: _Writer._float,
    complex: _Writer._complex,
    str: _Writer._str,
    bytes: _Writer._bytes_value,
    bytearray: _Writer._bytearray,
    list: _Writer._list,
    tuple: _Writer._tuple,
    set: _Writer._set,
    frozenset: _Writer._frozenset,
    dict: _Writer._mapping,
    range: _Writer._range,
    slice: _Writer._slice,
    type(...): _Writer._ellipsis,
}
_BY_TAG: dict[bytes, Callable[[_Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b".": lambda reader, depth: ...,
    b"i": _Reader._int,
    b"f": _Reader._float,
    b"c": _Reader._complex,
    b"s": _Reader._str,
    b"b": _Reader._bytes,
    b"B": lambda reader, depth: bytearray(reader._bytes(depth)),
    b"l": _Reader._list,
    b"t": lambda reader, depth: tuple(reader._list(depth)),
    b"e": lambda reader, depth: set(reader._keys(depth)),
    b"E": lambda reader, depth: frozenset(reader._keys(depth)),
    b"d": _Reader._dict,
    b"r": _Reader._range,
    b"z": lambda reader, depth: slice(*[reader.read(depth + 1) for _ in range(3)]),
    b"g": _Reader._iterated,
    b"p": lambda reader, depth: pathlib.Path(reader._text()),
    b"y": _Reader._named,
    b"a": _Reader._array,
    b"x": _Reader._numpy_scalar,
    b"A": _Reader._tensor,
    b"m": _Reader._network,
    b"o": _Reader._foreign,
    b"u": _Reader._reference,
}
