"""`protocol`: encoding, the kernel's channel, and the streams of a notebook."""

import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantlab_helpers.grading.execute.sandbox import protocol

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(JSON)
def test_decode_message_reads_encode_message(value):
    assert protocol.decode_message(io.BytesIO(protocol.encode_message(value)).read) == value


@given(JSON)
def test_encode_message_is_length_and_json(value):
    content = protocol.encode_message(value)
    assert int(content[:8], 16) == len(content) - 8
    assert json.loads(content[8:]) == value


@given(st.lists(JSON.filter(lambda value: value is not None)), st.integers(0, 40))
def test_decode_lines_keeps_an_incomplete_line(values, cut):
    content = b"".join(map(protocol.encode_line, values))
    first, rest = protocol.decode_lines(content[:cut])
    second, rest = protocol.decode_lines(rest + content[cut:])
    assert (first + second, rest) == (values, b"")


def test_decode_lines_gives_none_for_broken_lines():
    content = b'{"a": 1}\n\xff\n' + b"[" * 100_000 + b"\n\n[2]\n"
    assert protocol.decode_lines(content) == ([{"a": 1}, None, None, None, [2]], b"")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_encode_message_writes_null_for_infinities(value):
    assert protocol.encode_message([value])[8:] == b"[null]"


@pytest.fixture
def pipes():
    """Return the grader's ends (requests, replies) and the kernel's channel."""
    request_end, requests = os.pipe()
    replies, reply_end = os.pipe()
    channel = protocol.KernelChannel(request_end, reply_end, output_bytes=100)
    yield requests, replies, channel
    for descriptor in (request_end, requests, replies, reply_end):
        os.close(descriptor)


def test_kernel_channel_receives_and_sends(pipes):
    requests, replies, channel = pipes
    os.write(
        requests, protocol.encode_message({"op": "run"}) + protocol.encode_message({"key": "k"})
    )
    assert (channel.receive(), channel.receive()) == ({"op": "run"}, {"key": "k"})
    channel.send(op="end", key="k")
    assert protocol.decode_lines(os.read(replies, 1000)) == ([{"op": "end", "key": "k"}], b"")


def test_kernel_channel_sends_outputs_up_to_the_limit(pipes):
    _, replies, channel = pipes
    for number in range(4):
        channel.send_output(60, number=number)
    assert protocol.decode_lines(os.read(replies, 1000))[0] == [{"number": 0}, {"number": 1}]


def test_stream_sends_text_on_flush(pipes):
    _, replies, channel = pipes
    stream = protocol.Stream("stdout", channel, 1)
    print("some", "text", file=stream, flush=True)
    reply = {"op": "stream", "name": "stdout", "text": "some text\n"}
    assert protocol.decode_lines(os.read(replies, 1000))[0] == [reply]
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"bytes")


def test_send_display_replaces_large_outputs(pipes):
    _, replies, channel = pipes
    protocol.send_display(channel, "display", {"text/plain": "x" * 101}, None)
    [reply] = protocol.decode_lines(os.read(replies, 1000))[0]
    assert reply["data"] == {"text/plain": "[an output of 101 bytes, left out]"}


def test_safe_text_survives_objects_without_text():
    class Broken:
        def __str__(self):
            raise SystemExit

    class Name(str):
        pass

    assert protocol.safe_text(Broken()) == "[no text: SystemExit]"
    assert type(protocol.safe_text(Name("x"))) is str
