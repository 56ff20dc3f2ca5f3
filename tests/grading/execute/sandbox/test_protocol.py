"""`protocol`: encoding, a program's channel, and the streams of a notebook."""

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


@given(JSON)
def test_decode_line_reads_encode_line(value):
    line = protocol.encode_line(value)
    assert line.count(b"\n") == 1 and protocol.decode_line(line) == value


@pytest.mark.parametrize("line", [b"", b"\xff", b"[" * 100_000, b"{", b"1 2"])
def test_decode_line_gives_none_for_broken_lines(line):
    assert protocol.decode_line(line) is None


@pytest.fixture
def pipes():
    """Return the grader's ends (requests, replies) and the kernel's channel."""
    request_end, requests = os.pipe()
    replies, reply_end = os.pipe()
    channel = protocol.Channel(request_end, reply_end, output_bytes=100)
    yield requests, replies, channel
    for descriptor in (request_end, requests, replies, reply_end):
        os.close(descriptor)


def read_lines(replies):
    """Return the messages that are in the pipe of replies."""
    return [*map(protocol.decode_line, os.read(replies, 1000).splitlines())]


def test_channel_receives_and_sends(pipes):
    requests, replies, channel = pipes
    os.write(
        requests, protocol.encode_message({"op": "run"}) + protocol.encode_message({"key": "k"})
    )
    assert (channel.receive(), channel.receive()) == ({"op": "run"}, {"key": "k"})
    channel.send(op="end", key="k")
    assert read_lines(replies) == [{"op": "end", "key": "k"}]


def test_channel_sends_outputs_up_to_the_limit(pipes):
    _, replies, channel = pipes
    for number in range(4):
        channel.send_output(60, number=number)
    assert read_lines(replies) == [{"number": 0}, {"number": 1}]


def test_stream_sends_text_on_flush(pipes):
    _, replies, channel = pipes
    stream = protocol.Stream("stdout", channel, 1)
    print("some", "text", file=stream, flush=True)
    reply = {"op": "stream", "name": "stdout", "text": "some text\n"}
    assert read_lines(replies) == [reply]
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"bytes")


def test_send_display_replaces_large_outputs(pipes):
    _, replies, channel = pipes
    protocol.send_display(channel, "display", {"text/plain": "x" * 101}, None)
    [reply] = read_lines(replies)
    assert reply["data"] == {"text/plain": "[an output of 101 bytes, left out]"}


def test_safe_text_survives_objects_without_text():
    class Broken:
        def __str__(self):
            raise SystemExit

    class Name(str):
        pass

    assert protocol.safe_text(Broken()) == "[no text: SystemExit]"
    assert type(protocol.safe_text(Name("x"))) is str
