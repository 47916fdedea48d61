"""What is wrong before anything is asked: each a sentence with the remedy. And the key, which nothing shows."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PluginError, SuiteError
from harness.plugin_files import import_file
from harness_endpoints._answer import Answer, Ask
from harness_endpoints._blocking import BlockingClient
from harness_endpoints._client import Client, Endpoint
from harness_endpoints._key import Key, read_key
from harness_endpoints.served import open_reference

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

SECRET = "sk-live-4f1c9aa27b"  # noqa: S105 - a key of the test server
VARIABLE = "ENDPOINT_KEY_OF_A_TEST"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the variable of the key; return its name."""
    monkeypatch.setenv(VARIABLE, SECRET)
    return VARIABLE


def check(url: str, **settings: Any) -> None:
    """Check an endpoint."""
    with BlockingClient(Endpoint(url, **{"model": "tiny", **settings})) as client:
        client.check()


@pytest.fixture
def nobody() -> str:
    """Return a URL at which no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def test_a_sound_endpoint_passes(key: str) -> None:
    """With its key, and without one where none is asked for."""
    with Server(key=SECRET) as one:
        check(one.url, key_variable=key)
    with Server() as one:
        check(one.url)


def test_no_server(nobody: str, ask_once: Callable[..., Answer]) -> None:
    """Said before anything is asked; while asking it is a failure, tried again."""
    with pytest.raises(SuiteError, match=r"No answer from .*\(Connection refused\)\. Next: start the server"):
        check(nobody)

    class Nobody:
        url = nobody

    answer = ask_once(Nobody)
    assert (answer.failure, answer.attempts, answer.text) == ("unreachable", 3, "")


@pytest.mark.parametrize("ending", ["", "/nothing", "/page"])
def test_a_wrong_url(ending: str, ask_once: Callable[..., Answer]) -> None:
    """A path that the server has not, and one that is a web page."""
    with Server() as one:

        class Elsewhere:
            url = one.url.removesuffix("/v1") + ending

        with pytest.raises(SuiteError, match=r"/models: .*Next: correct the base URL; it usually ends with /v1\.$"):
            check(Elsewhere.url)
        answer = ask_once(Elsewhere)

    assert answer.failure == "wrong URL"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:8000/v1", "is no base URL"),
        ("ftp://127.0.0.1/v1", "is no base URL"),
        ("http:///v1", "is no base URL"),
        (f"http://me:{SECRET}@127.0.0.1:8000/v1", "has a user, a query or a fragment"),
        (f"http://127.0.0.1:8000/v1?key={SECRET}", "has a user, a query or a fragment"),
    ],
)
def test_what_is_no_base_url(url: str, words: str) -> None:
    """It is refused when it is written down; what may be a key is not repeated."""
    with pytest.raises(SuiteError, match=words) as error:
        Endpoint(url, "tiny")

    assert SECRET not in str(error.value)


def test_a_wrong_key(key: str, ask_once: Callable[..., Answer]) -> None:
    """The server repeats the key in its error; the sentence does not."""
    with Server(key="another") as one:
        with pytest.raises(
            SuiteError, match=r"Incorrect API key provided: .* Next: set the environment variable"
        ) as error:
            check(one.url, key_variable=key)
        answer = ask_once(one, key_variable=key)

    assert (answer.failure, answer.attempts) == ("unauthorised", 1)
    assert SECRET not in str(error.value) + repr(answer)


def test_a_key_in_the_place_of_its_variables_name_is_not_repeated() -> None:
    """A log would hold it."""
    with pytest.raises(SuiteError, match="such as MY_KEY, and not the key") as error:
        check("http://127.0.0.1:9/v1", key_variable=SECRET)

    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("reference", "written"),
    [("tiny@127.0.0.1:8000/v1", "openai:tiny@http://127.0.0.1:8000/v1"), ("a@20@b.example/v1", "openai:a@20@http://b")],
)
def test_a_url_without_a_scheme(reference: str, written: str) -> None:
    """It is written with one; a name may hold an @."""
    with pytest.raises(PluginError, match=f"The URL has no scheme: write {written}"):
        open_reference(reference)

    assert open_reference("claude@20240620").name == "openai:claude@20240620"


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_unset_key(text: str | None, monkeypatch: pytest.MonkeyPatch, ask_once: Callable[..., Answer]) -> None:
    """The variable is named, and nothing is sent."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    with Server() as one:
        for use in (lambda: check(one.url, key_variable=VARIABLE), lambda: ask_once(one, key_variable=VARIABLE)):
            with pytest.raises(
                SuiteError, match=f"{VARIABLE} is to hold the key and is not set. Next: export {VARIABLE}="
            ):
                use()

        assert one.log == []


@pytest.mark.parametrize("text", ["two words", "naïve", "line\nline"])
def test_what_is_no_key(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused without being repeated."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(SuiteError, match="that no key has") as error:
        read_key(VARIABLE)

    assert text not in str(error.value)


def test_a_key_is_read_at_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was changed holds from the next request on."""
    with Server(key="second") as one, BlockingClient(Endpoint(one.url, "tiny", key_variable=VARIABLE)) as client:
        asks, failures = [Ask([{"role": "user", "content": "hello"}])], []
        for text in ("first", "second"):
            monkeypatch.setenv(VARIABLE, text)
            failures += [answer.failure for answer in client.answers(asks)]

    assert failures == ["unauthorised", None]


def test_an_unknown_model(ask_once: Callable[..., Answer]) -> None:
    """The nearest name that the server lists is said."""
    with Server({"tiny-llama": Behaviour(), "other": Behaviour()}) as one:
        with pytest.raises(SuiteError, match=r"'tiny-lama'\. Did you mean 'tiny-llama'\? Known: other, tiny-llama"):
            check(one.url, model="tiny-lama")
        answer = ask_once(one, model="tiny-lama")

    assert (answer.failure, answer.attempts) == ("unknown model", 1)
    assert "`tiny-lama` does not exist" in str(answer.detail)


def test_a_server_that_lists_no_models_may_still_answer() -> None:
    """Some answer 500 to GET /models."""
    with Server(models_status=500) as one:
        check(one.url, model="whatever")


def test_too_long_a_context(ask_once: Callable[..., Answer]) -> None:
    """It is not tried again, and the remedy is named."""
    with Server(context=16) as one:
        answer = ask_once(one, "word " * 20, {"max_tokens": 4})

    assert (answer.failure, answer.attempts) == ("context too long", 1)
    assert "maximum context length is 16 tokens" in str(answer.detail)
    assert "shorten the prompt" in str(answer.detail)


def text_of(error: BaseException) -> str:
    """Return a traceback with the values of all variables."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize("case", ["answered", "refused", "cut", "cancelled", "nobody"])
def test_the_key_is_nowhere(
    case: str, key: str, nobody: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither in an answer, a representation, a log at its finest level, nor a traceback with all variables."""
    caplog.set_level(logging.DEBUG)
    ending = {"cut": Behaviour(ending="cut"), "cancelled": Behaviour(first_s=(60,))}.get(case, Behaviour())
    shown: list[str] = []
    with Server({"tiny": ending}, key="another" if case == "refused" else SECRET) as one:
        endpoint = Endpoint(nobody if case == "nobody" else one.url, "tiny", key_variable=key)

        async def ask() -> Answer:
            async with Client(endpoint) as client, asyncio.timeout(0.5):
                try:
                    answer = await client.answer(Ask([{"role": "user", "content": "hello"}]))
                finally:
                    shown.append(repr(vars(client)))
            return answer

        try:
            shown.append(repr(asyncio.run(ask(), debug=True)))
        except TimeoutError as error:
            shown.append(text_of(error))
        sent = len(one.log)
    written = capfd.readouterr()

    assert SECRET not in "".join([*shown, caplog.text, written.out, written.err, repr(endpoint)])
    assert sent > 0 or case in {"refused", "nobody"}


def test_a_key_shows_itself_to_the_server_alone() -> None:
    """In its header, which hides itself too; it is taken out of texts and cannot be pickled."""
    shown = Key(SECRET)

    assert shown.headers()["Authorization"] == f"Bearer {SECRET}"
    assert shown.hide(f"Incorrect: {SECRET}!") == "Incorrect: ***!"
    assert SECRET not in repr(shown) + repr(shown.headers())
    assert Key(None).headers() == {}
    assert Key(None).hide("text") == "text"
    with pytest.raises(TypeError, match="name of its environment variable"):
        pickle.dumps(shown)
