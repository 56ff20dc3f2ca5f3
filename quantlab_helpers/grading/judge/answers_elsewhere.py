"""The judge's side of a submission: its functions, called in the kernel, and its values.

    judge                            grader                    kernel
    call "assign", number 7  ----->  passes it on  ----->  calls assign on copies
    <-----------------------------------------------  result, changed arguments, or exception

A function that a test passes to an answer is called back in the same way, with a number of its own.
"""

from __future__ import annotations

import builtins
import random
import sys
from typing import Any, NoReturn

_MAX_NESTED = 20  # calls of the judge and of the kernel inside each other
_PROTOCOLS = ("__array", "__torch", "__cuda", "_ipython", "_repr")  # that libraries look for


class Stopped(BaseException):
    """The kernel ended, or the time of the test was up."""


class NotPlainData(BaseException):
    """A test needs more of an answer than plain data; the text says what."""


class Kernel:
    """The link to the submission's kernel, by way of the grader.

    Parameters
    ----------
    channel : Channel
        Messages to and from the grader.
    values : module
        `values.py`, loaded by its path.
    """

    def __init__(self, channel: Any, values: Any) -> None:
        self._channel, self._values = channel, values
        self._last_number = self._nested = 0
        self._random_states: dict[str, Any] = {}
        judge = self

        class References(values.References):  # type: ignore[misc]
            """Numbers for the functions and networks of the judge, names for the answers."""

            def number_of(self, value: Any) -> tuple[str, int | str] | None:
                if type(value) is RemoteFunction:
                    return "answer", object.__getattribute__(value, "_name")
                if callable(value) and not _is_data(value):
                    return "function", judge._numbered(value)
                return None

            def resolve(self, kind: str, number: int | str, text: str) -> Any:
                if kind == "function" and isinstance(number, int) and number > 0:
                    return judge._objects[number - 1]
                return super().resolve(kind, number, text)

            def network_number(self, network: Any) -> int:
                return judge._numbered(network)

            def network(self, number: int) -> Any:
                return judge._network(number)

        self._references = References()
        self._objects: list[Any] = []  # functions and networks of the judge; their places count

    def start_test(self) -> None:
        """Forget the functions of the test before; random states count from here."""
        self._objects.clear()
        self._random_states = self._values.random_states()

    def fetch(self, names: list[str]) -> dict[str, Any]:
        """Return the submission's values and functions of these names; some may be missing."""
        self._channel.send(op="names", names=names)
        reply = self._wait(0)
        found = {}
        for name, entry in reply["names"].items():
            if name in names and entry["kind"] == "function":
                found[name] = RemoteFunction(self, name, str(entry["text"]))
            elif name in names:
                found[name] = self._decode(entry["data"])
        return found

    def call(
        self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], **order: Any
    ) -> Any:
        """Call a function of the submission; return its result or raise its exception.

        Parameters
        ----------
        name : str
            Of the function.
        arguments, keywords : tuple, dict
            Copies of them reach the function. What it changes in them is changed here, too.
        **order
            How to call it: see `answers.py` of the sandbox.
        """
        if self._nested >= _MAX_NESTED:
            raise RecursionError("the test and the answer call each other too often")
        data = self._encode_arguments((list(arguments), keywords))
        self._last_number += 1
        number = self._last_number
        self._flush()
        self._nested += 1
        try:
            request = {"number": number, "name": name, "data": data, "order": order}
            self._channel.send(op="call", random=self._changed_random_states(), **request)
            reply = self._wait(number)
        finally:
            self._nested -= 1
        self._advance_random_states(reply.get("drew"))
        if reply.get("changed") is not None:
            changed = self._decode(reply["changed"])
            _write_back([list(arguments), keywords], list(changed))
        if reply.get("error") is not None:
            _raise(reply["error"])
        return self._decode(reply["data"])

    def _wait(self, number: int) -> dict[str, Any]:
        """Return the reply to a call; meanwhile call functions of the judge for the answer."""
        while True:
            if self._channel.receive()["op"] == "lost":
                raise Stopped
            message = self._channel.receive()  # of the kernel: nothing about it is trusted
            if message.get("op") == "callback":
                self._call_back(message)
            elif message.get("number") == number:
                return dict(message)

    def _call_back(self, message: dict[str, Any]) -> None:
        """Call a function that a test passed to an answer."""
        reply: dict[str, Any] = {"number": message.get("number"), "error": None, "data": None}
        try:
            function = self._objects[message["function"] - 1]
            arguments, keywords = self._decode(message["data"])
            result = function(*arguments, **keywords)
            reply["data"] = self._encode_arguments(result)
        except Exception as error:
            reply["error"] = [type(error).__name__, str(error)[:2000]]
        self._channel.send(op="answer", **reply)

    def _numbered(self, value: Any) -> int:
        for place, known in enumerate(self._objects):
            if known is value:
                return place + 1
        self._objects.append(value)
        return len(self._objects)

    def _network(self, number: int) -> Any:
        """Return a copy of a network that the judge knows, or a fresh one."""
        stand_in = sys.modules["quantlab_helpers.checks.stand_in"].StandIn
        known: Any = self._objects[number - 1] if 0 < number <= len(self._objects) else None
        if type(known) is not stand_in:
            return stand_in()
        copied = stand_in(known.weight.detach().numpy().copy())
        copied.fresh, copied.history = known.fresh, known.history
        return copied

    def _encode_arguments(self, value: Any) -> Any:
        try:
            return self._values.encode_plain(value, self._references)
        except self._values.NotPlain as error:
            raise NotPlainData(f"it passes what is no plain data: {error}") from None

    def _decode(self, tree: Any) -> Any:
        try:
            return self._values.decode(tree, self._references)
        except self._values.Damaged:
            raise TypeError("the answer's process sent something that is no value") from None

    def _changed_random_states(self) -> dict[str, Any]:
        """Return the states of random generators that the test has seeded or used since."""
        now = self._values.random_states()
        changed = {name: state for name, state in now.items() if self._random_states[name] != state}
        self._random_states |= changed
        return {name: self._values.encode(state) for name, state in changed.items()}

    def _advance_random_states(self, drew: Any) -> None:
        """Draw a number where the answer drew some: seeding again is then seen as a change."""
        drew = [name for name in self._random_states if isinstance(drew, list) and name in drew]
        if "random" in drew:
            random.random()
        if "numpy" in drew and "numpy.random" in sys.modules:
            sys.modules["numpy.random"].random()
        if "torch" in drew and "torch" in sys.modules:
            sys.modules["torch"].rand(1)
        if drew:
            now = self._values.random_states()
            self._random_states |= {name: now[name] for name in drew}

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


class RemoteFunction:
    """A function of the submission. It can be called; a test that needs more of it is refused."""

    def __init__(self, kernel: Kernel, name: str, text: str) -> None:
        self._kernel, self._name, self._text = kernel, name, text

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it in the kernel."""
        return self._kernel.call(self._name, arguments, keywords)

    def call_answer(
        self, arguments: tuple[Any, ...], *, line_limit: int | None, observation: str
    ) -> Any:
        """Call it in the kernel under the limits of `checks.answer_calls.call_answer`."""
        order = {"line_limit": line_limit, "observation": observation}
        return self._kernel.call(self._name, arguments, {}, kind="answer", **order)

    def call_writer(self, net: Any, *, seconds: float) -> Any:
        """Call it in the kernel as `checks.answer_calls.call_writer` does."""
        from quantlab_helpers.checks.answer_calls import Written

        written = self._kernel.call(self._name, (net,), {}, kind="writer", seconds=seconds)
        returned, content, others, taken = written
        if not isinstance(content, bytes | None) or not isinstance(taken, float):
            raise TypeError("the answer's process sent something that is no file")
        return Written(returned, content, [str(name) for name in others], taken)

    def __repr__(self) -> str:
        """Return the text of the function in the kernel."""
        return self._text

    def __deepcopy__(self, memo: Any) -> RemoteFunction:
        """Return itself: a function is not copied."""
        return self

    def __instancecheck__(self, value: Any) -> bool:
        """Refuse: a class of the submission is known to the kernel only."""
        raise NotPlainData(f"it asks for instances of `{self._name}`")

    __subclasscheck__ = __instancecheck__

    def __mro_entries__(self, bases: Any) -> Any:
        """Refuse: a class of the submission is known to the kernel only."""
        raise NotPlainData(f"it derives a class from `{self._name}`")

    def __getattr__(self, name: str) -> Any:
        """Refuse: only calls cross."""
        if name.startswith(_PROTOCOLS):
            raise AttributeError(name)
        raise NotPlainData(f"it uses the attribute `{name}` of an answer")


def _raise(error: Any) -> NoReturn:
    """Raise an exception of the submission: of the nearest built-in type, with its name."""
    name, text = str(error["name"]), str(error["text"])[:20_000]
    limits = sys.modules.get("quantlab_helpers.checks.answer_calls")
    if error.get("limit") in ("TooManyLines", "OutOfTime") and limits is not None:
        raise getattr(limits, error["limit"])
    base: Any = Exception
    for base_name in error["bases"]:
        found = getattr(builtins, str(base_name), None)
        if isinstance(found, type) and issubclass(found, BaseException):
            base = found
            break
    if issubclass(base, StopIteration | StopAsyncIteration | GeneratorExit):
        base = RuntimeError  # as in a generator: it must not end a loop of the test
    members = {"__str__": lambda self: text, "__module__": "__main__"}
    name = name if name.isidentifier() and len(name) <= 60 else "Exception"
    exception: Any
    try:
        kind = type(name, (base,), members)
        exception = base.__new__(kind)
        exception.args = (text,)
    except Exception:
        exception = type(name, (Exception,), members)(text)
    exception.answer_lines = [str(line)[:500] for line in error["lines"]][:50]
    raise exception


def _write_back(old: Any, new: Any) -> Any:
    """Give mutable objects the contents that the answer gave them; return the object to use."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if isinstance(old, list) and isinstance(new, list):
        merged = [_write_back(*pair) for pair in zip(old, new, strict=False)]
        old[:] = [*merged, *new[len(merged) :]]
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for pair in zip(old, new, strict=True):
            _write_back(*pair)
    elif isinstance(old, dict) and isinstance(new, dict):
        items = {key: _write_back(old.get(key), value) for key, value in new.items()}
        old.clear()
        old.update(items)
    elif isinstance(old, set) and isinstance(new, set):
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray) and isinstance(new, bytearray):
        old[:] = new
    elif numpy is not None and isinstance(old, numpy.ndarray) and isinstance(new, numpy.ndarray):
        if old.shape != new.shape or old.dtype != new.dtype:
            return new
        if not numpy.array_equal(old, new, equal_nan=old.dtype.kind in "fc"):
            old[...] = new
    elif torch is not None and isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor):
        if old.shape != new.shape or old.dtype != new.dtype:
            old.data = new.data
        else:
            old.data.copy_(new.data)
    elif torch is not None and isinstance(old, torch.nn.Module):
        _write_back_network(old, new, torch)
    else:
        return new
    return old


def _write_back_network(old: Any, new: Any, torch: Any) -> None:
    """Give a network the state that it got in the kernel; what is no network any more is empty."""
    new = new if isinstance(new, torch.nn.Module) else torch.nn.Module()
    if type(new) is type(old) and new.state_dict().keys() == old.state_dict().keys():
        state = [*new.named_parameters(), *new.named_buffers()]
        own = {**dict(old.named_parameters()), **dict(old.named_buffers())}
        for name, tensor in state:
            _write_back(own[name], tensor)
        for layer, changed in zip(old.modules(), new.modules(), strict=True):
            layer.training = changed.training
    else:
        old.__class__, old.__dict__ = new.__class__, new.__dict__


def _is_data(value: Any) -> bool:
    """Return whether something that can be called crosses as data: a type, a network."""
    torch = sys.modules.get("torch")
    return isinstance(value, type) or (torch is not None and isinstance(value, torch.nn.Module))
