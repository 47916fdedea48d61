"""An answer is the same however its bytes are split, and nothing that a server sends is an exception."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness_endpoints._reading import read_body, read_stream
from harness_endpoints._stream import DONE, Timed, events

TEXTS = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6)
LINE_ENDS = st.sampled_from(["\n", "\r\n"])


def chunk(**choice: Any) -> dict[str, Any]:
    """Return a chunk with one choice."""
    return {"model": "tiny-2026", "choices": [{"index": 0, **choice}]}


def stream(texts: list[str], line_end: str = "\n") -> bytes:
    """Return the bytes of a stream of texts, with comments, other fields and usage."""
    bodies = [chunk(delta={"role": "assistant", "content": ""})]
    bodies += [chunk(delta={"content": text}) for text in texts]
    bodies += [chunk(delta={}, finish_reason="stop"), {"choices": [], "usage": {"completion_tokens": len(texts)}}]
    lines = [": ping", "", *(f"event: x{line_end}data: {json.dumps(one, ensure_ascii=False)}" for one in bodies)]
    return "".join(f"{line}{line_end * 2}" for line in [*lines, "data: [DONE]"]).encode()


def pieces(data: bytes, cuts: list[int]) -> list[Timed]:
    """Return bytes cut at some places, one second apart."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [(float(n), data[a:b]) for n, (a, b) in enumerate(pairwise(places))]


@given(TEXTS, LINE_ENDS, st.lists(st.integers(0, 10_000), max_size=40))
def test_any_splitting_gives_the_same_answer(texts: list[str], line_end: str, cuts: list[int]) -> None:
    """Within a line, a line end or a character: text, finish reason, model, usage and the number of chunks."""
    reading = read_stream(pieces(stream(texts, line_end), cuts))

    assert reading.text == "".join(texts)
    assert (reading.finish, reading.model, reading.usage) == ("stop", "tiny-2026", {"completion_tokens": len(texts)})
    assert len(reading.chunks) == len(texts)
    assert reading.complete
    assert not reading.broken


@given(TEXTS, st.lists(st.integers(0, 10_000), max_size=40))
def test_a_chunk_has_the_time_at_which_it_was_whole(texts: list[str], cuts: list[int]) -> None:
    """That of the piece with the end of its line, neither of the first of its bytes nor of the last of the stream."""
    data = stream(texts)
    arrivals = pieces(data, cuts)
    ends, at = [], 0
    for text in texts:
        line = json.dumps(chunk(delta={"content": text}), ensure_ascii=False).encode()
        at = data.index(line, at) + len(line) + 1
        ends.append(at)
    until = [sum(len(data) for _, data in arrivals[: n + 1]) for n in range(len(arrivals))]

    chunks = read_stream(arrivals).chunks

    assert chunks == [next(n for n, size in enumerate(until) if size >= end) for end in ends]


@given(TEXTS, st.integers(0, 10_000))
def test_a_stream_that_is_cut_is_not_complete(texts: list[str], cut: int) -> None:
    """What came before the cut is kept; no part of it is called broken."""
    data = stream(texts)
    whole = data.index(b'"finish_reason"')
    reading = read_stream([(0.0, data[: cut % whole])])

    assert "".join(texts).startswith(reading.text)
    assert not reading.complete
    assert not reading.broken


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_bytes_are_an_exception(data: list[bytes]) -> None:
    """Neither as a stream nor as a body."""
    arrivals = [(0.0, one) for one in data]

    assert read_stream(arrivals).text == ""
    assert not read_body(arrivals).complete


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "content", "usage", "error"]), inner, max_size=4
        )
    ),
    max_leaves=6,
)


@given(JSON)
def test_no_json_is_an_exception(body: Any) -> None:
    """Of whatever form, it is read, or is called broken."""
    data = json.dumps(body).encode()

    assert isinstance(read_stream([(0.0, b"data: " + data + b"\n\n")]).text, str)
    assert isinstance(read_body([(0.0, data)]).text, str)


def test_the_end_needs_no_line_end() -> None:
    """The last event may lack its empty line, and its end may lack all."""
    for end in (b"", b"\n", b"\r\n"):
        assert [data for _, data in events([(0.0, b"data: 1\n\ndata:[DONE]" + end)])] == [b"1", DONE]


def test_an_event_of_several_lines_is_one() -> None:
    """As the standard says, joined by line ends."""
    assert list(events([(1.0, b"data: a\n"), (2.0, b"data: b\n"), (3.0, b"\n")])) == [(2.0, b"a\nb")]


def test_reasoning_and_refusals_are_content_and_an_empty_role_is_not() -> None:
    """They are chunks with a time; only content is text."""
    bodies = [
        chunk(delta={"role": "assistant", "content": ""}),
        chunk(delta={"reasoning_content": "hm"}),
        chunk(delta={"reasoning": "!"}),
        chunk(delta={"refusal": "no"}),
        chunk(delta={"content": "yes"}, finish_reason="stop"),
    ]
    arrivals = [(float(n), f"data: {json.dumps(one)}\n\n".encode()) for n, one in enumerate(bodies)]
    reading = read_stream(arrivals)

    assert (reading.text, reading.reasoning, reading.refusal) == ("yes", "hm!", "no")
    assert reading.chunks == [1.0, 2.0, 3.0, 4.0]


def test_halves_of_a_character_are_joined() -> None:
    """Some servers escape an emoji and cut it in two chunks; a half alone is no character."""
    halves = [rb"\ud83c", rb"\udfb2", rb"\ud83c"]
    data = b"".join(b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % half for half in halves)
    reading = read_stream([(0.0, data)])

    assert (reading.text, reading.broken, len(reading.chunks)) == ("🎲\ufffd", False, 3)


def test_the_text_of_completions_is_read() -> None:
    """Its choices have the text in themselves."""
    data = json.dumps(chunk(text="so", finish_reason="length", logprobs={"token_logprobs": [-1.0]})).encode()

    for reading in (read_stream([(0.0, b"data: " + data + b"\n\n")]), read_body([(0.0, data)])):
        assert (reading.text, reading.finish, reading.logprobs) == ("so", "length", [{"token_logprobs": [-1.0]}])
