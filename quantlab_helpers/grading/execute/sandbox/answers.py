"""The kernel's side of a test that runs in the judge: names its values, calls its functions.

Nothing here is trusted by the judge. Each call has a number, and its reply carries it.
"""

from __future__ import annotations

import builtins
import contextlib
import linecache
import random
import sys
from typing import Any

_CELL_FILENAME = "<ipython-input-"  # start of the file name that IPython gives to a cell
_MAX_NESTED = 20


class Interrupted(BaseException):
    """The grader asked for something else while an answer waited for a function of the test."""


class Answers:
    """The names of a notebook, for the judge.

    Parameters
    ----------
    channel : Channel
        Messages to and from the grader.
    values : module
        `values.py` of the judge, loaded by its path.
    names : dict
        The namespace of the notebook.
    """

    def __init__(self, channel: Any, values: Any, names: dict[str, Any]) -> None:
        self._channel, self._values, self._names = channel, values, names
        self._last_callback = self._nested = 0
        self.unread: Any = None  # a request that arrived in the place of a function's result
        answers = self

        class References(values.References):  # type: ignore[misc]
            """Functions of the judge by number, functions of the notebook by name."""

            def number_of(self, value: Any) -> tuple[str, int | str] | None:
                if type(value) is JudgeFunction:
                    return "function", value.number
                return None

            def resolve(self, kind: str, number: int | str, text: str) -> Any:
                if kind == "answer":
                    return answers._names[str(number)]
                return JudgeFunction(answers, number, text)

            def network_number(self, network: Any) -> int:
                return int(network.number)

            def network(self, number: int) -> Any:
                import numpy

                from quantlab_helpers.checks.stand_in import StandIn

                network = StandIn(numpy.zeros(6)) if number else StandIn()
                network.number = number
                return network

        self._references = References()

    def describe(self, names: list[str]) -> dict[str, Any]:
        """Return what the notebook has under these names: values as data, functions as such."""
        return {name: self._entry(self._names[name]) for name in names if name in self._names}

    def _entry(self, value: Any) -> dict[str, Any]:
        data = self._values.encode(value, self._references)
        if type(data) is list and data[0] == "foreign" and callable(value):
            return {"kind": "function", "text": self._values.text_of(value)}
        return {"kind": "value", "data": data}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function of the notebook; return its result, and its arguments if they changed.

        Parameters
        ----------
        request : dict
            The function's "name", the "data" of arguments and keywords, and an "order": none for
            a plain call, or the kind "answer" or "writer" of `checks.answer_calls`.
        """
        reply: dict[str, Any] = {"number": request["number"], "data": None, "changed": None}
        try:
            if self._nested >= _MAX_NESTED:
                raise RecursionError("the test and the answer call each other too often")
            self._nested += 1
            _set_random_states(request["random"], self._values)
            given = self._values.decode(request["data"], self._references)
            before = self._values.encode(given, self._references)
            states = self._values.random_states()
            try:
                result = self._call(request["name"], *given, **request["order"])
            finally:
                now = self._values.random_states()
                reply["drew"] = [name for name in now if now[name] != states[name]]
                after = self._values.encode(given, self._references)
                if after != before:
                    reply["changed"] = after
            reply["data"] = self._values.encode(result, self._references)
            return {**reply, "error": None}
        except Interrupted:
            raise
        except BaseException as error:
            return {**reply, "error": _description(error, self._values)}
        finally:
            self._nested -= 1

    def _call(self, name: str, arguments: list[Any], keywords: dict[str, Any], **order: Any) -> Any:
        function, kind = self._names[name], order.pop("kind", None)
        if kind is None:
            return function(*arguments, **keywords)
        from quantlab_helpers.checks import answer_calls

        if kind == "writer":
            return answer_calls.call_writer(function, *arguments, **order)
        return answer_calls.call_answer(function, tuple(arguments), **order)

    def call_back(self, number: int, arguments: Any, keywords: Any) -> Any:
        """Call a function of the judge and return its result."""
        if not self._nested:
            raise RuntimeError("this function works only while the test calls yours")
        self._last_callback += 1
        mine = self._last_callback
        data = self._values.encode((arguments, keywords), self._references)
        self._channel.send(op="callback", number=mine, function=number, data=data)
        while True:
            message = self._channel.receive()
            if message["op"] == "call":
                self._channel.send(op="returned", **self.call(message))
            elif message["op"] != "answer":
                self.unread = message
                raise Interrupted
            elif message["number"] == mine:
                break
        if message["error"] is not None:
            name, text = message["error"]
            kind = getattr(builtins, name, RuntimeError)
            raise kind(text)
        return self._values.decode(message["data"], self._references)


class JudgeFunction:
    """A function of the test that was passed to an answer."""

    def __init__(self, answers: Answers, number: Any, text: str) -> None:
        self._answers, self.number, self._text = answers, number, text

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it in the judge."""
        return self._answers.call_back(self.number, arguments, keywords)

    def __repr__(self) -> str:
        """Return the text that it has in the judge."""
        return self._text

    def __deepcopy__(self, memo: Any) -> JudgeFunction:
        """Return itself: a function is not copied."""
        return self


def lines_of_cells(error: BaseException) -> list[str]:
    """Return the lines of submitted cells that an exception passed through."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(lines) < 50:
        trace = cause.__traceback__
        while trace is not None and len(lines) < 50:
            name, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            if name.startswith(_CELL_FILENAME):
                where = f"in {trace.tb_frame.f_code.co_name}, line {number} of its cell: "
                lines.append(where + linecache.getline(name, number).strip())
            trace = trace.tb_next
        cause = cause.__cause__
    return lines


def _description(error: BaseException, values: Any) -> dict[str, Any]:
    """Return an exception as data: names of its types, its text, and lines of cells."""
    names = [base.__name__ for base in type(error).__mro__]
    limit = names[0] if type(error).__module__.endswith("checks.answer_calls") else None
    text = values.text_of(error, str, limit=2000)
    lines = lines_of_cells(error)
    return {"name": names[0], "bases": names, "text": text, "lines": lines, "limit": limit}


def _set_random_states(states: dict[str, Any], values: Any) -> None:
    """Set the shared random generators as the test has left its own."""
    for name, data in states.items():
        state = values.decode(data)
        with contextlib.suppress(Exception):  # a library that is another version here
            if name == "random":
                random.setstate(state)
            elif name == "numpy" and "numpy" in sys.modules:
                import numpy

                kind, keys, *rest = state
                numpy.random.set_state(  # noqa: NPY002 - the generator that answers share
                    (kind, numpy.frombuffer(keys, numpy.uint32), *rest)
                )
            elif name == "torch" and "torch" in sys.modules:
                import torch

                content = torch.frombuffer(bytearray(state), dtype=torch.uint8)
                torch.set_rng_state(content)
