"""An OpenAI-compatible server whose every delay, token and fault is known: what clients are held to.

In a test: `with Server({"tiny": Behaviour(first_s=(0.05,))}) as server: server.url`. In a process of its own:
`python tests/endpoints/server.py --port 8000 --model tiny --first 0.05 --gap 0.02 --tokens 50 --log log.jsonl`;
it prints its URL and serves until it is ended. A token is a word with the white space before it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from aiohttp import web

CONSTANT_S = (0.02,)
BIMODAL_S = (0.01, 0.01, 0.01, 0.06)
PAGE = "<html><body>It works!</body></html>"
SLOW_TAIL_S = (0.01,) * 19 + (0.2,)
"""Times of the first token that successive requests get in turn, in seconds."""


@dataclass(frozen=True)
class Behaviour:
    """How a model, or one planted prompt, is answered."""

    first_s: tuple[float, ...] = (0.0,)
    """Seconds before the first token, for successive requests in turn."""
    gap_s: float = 0.0
    """Seconds between chunks."""
    tokens: int = 8
    """How many tokens are answered where no reference says what."""
    tokens_per_chunk: int = 1
    chunks_per_write: int = 1
    """How many events go out as one piece of TCP."""
    bytes_per_write: int | None = None
    """Pieces of so many bytes instead, whatever they cut in two."""
    line_end: str = "\n"
    statuses: tuple[int, ...] = (200,)
    """Of successive tries of the same request; the last is for all further ones."""
    retry_after: str | None = None
    error: Mapping[str, Any] = field(default_factory=lambda: {"message": "planted", "type": "planted", "code": None})
    """The error object of other statuses than 200."""
    version: str | None = None
    """The `system_fingerprint`."""
    error_page: bool = False
    """Whether errors are web pages, as of a proxy."""
    usage: Literal["right", "none", "negative", "over"] = "right"
    cached_tokens: int = 0
    finish: str | None = None
    """Instead of stop or, at `max_tokens`, length."""
    refusal: str | None = None
    """A refusal instead of a text."""
    reasoning: str = ""
    """Comes before the text, as `reasoning_content`."""
    ending: Literal["whole", "no done", "cut", "broken", "silence", "error"] = "whole"
    """What comes after `ending_after` chunks; the parts of `cut` and `silence` that were sent are right."""
    ending_after: int = 2
    ignores_stream: bool = False
    logprobs: bool = False
    """Whether a prompt is repeated with the probabilities of its tokens where `echo` asks for it."""
    begin: str = ""
    """A token that the server puts before every prompt."""
    refuses_format: bool = False
    """Whether `response_format` is no field that it knows."""


@dataclass(frozen=True)
class Text:
    """What is answered, in pieces."""

    pieces: list[tuple[str, str]]
    """Field of the delta and text, one a chunk."""
    finish: str
    usage: dict[str, Any] | None

    def message(self) -> dict[str, Any]:
        """Return the message of an answer that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": ""}
        for name, text in self.pieces:
            message[name] = message.get(name, "") + text
        return message


def tokens(text: str) -> list[str]:
    """Return the tokens of a text; joined they are the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def chunked(words: list[str], size: int) -> list[str]:
    """Return tokens joined in chunks of `size`."""
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]


def last_text(body: Mapping[str, Any]) -> str:
    """Return the text of the last message, or the prompt."""
    content = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
    return content if isinstance(content, str) else "\n".join(map(part_text, content))


def images(body: Mapping[str, Any]) -> list[str]:
    """Return the URLs of all pictures in the messages, in order."""
    parts = [part for turn in body.get("messages", ()) if isinstance(turn["content"], list) for part in turn["content"]]
    return [part["image_url"]["url"] for part in parts if "image_url" in part]


def part_text(part: Mapping[str, Any]) -> str:
    """Return a part of a message: its text, or the SHA-256 of a picture's URL."""
    return part["text"] if "text" in part else hashlib.sha256(part["image_url"]["url"].encode()).hexdigest()


def input_tokens(body: Mapping[str, Any]) -> int:
    """Return how many tokens the prompt has."""
    return sum(len(tokens(last_text({"messages": [one]}))) for one in body.get("messages", ())) or len(
        tokens(body.get("prompt", ""))
    )


def limit(body: Mapping[str, Any]) -> int | None:
    """Return the most tokens that may be answered."""
    return body.get("max_completion_tokens", body.get("max_tokens"))


def reference(answers: Mapping[str, str], prompt: str) -> str | None:
    """Return the answer to a prompt: of the same key, else of the longest key within it."""
    keys = [prompt] if prompt in answers else sorted((key for key in answers if key in prompt), key=len)
    return answers[keys[-1]] if keys else None


def make_text(how: Behaviour, text: str | None, body: Mapping[str, Any]) -> Text:
    """Return what is answered to a request, with its usage."""
    words = tokens(how.refusal or (" the" * how.tokens if text is None else text))
    most = limit(body)
    thoughts = tokens(how.reasoning)[:most]
    kept = words if most is None else words[: max(0, most - len(thoughts))]
    counted = len(kept) + len(thoughts)
    name = "text" if "prompt" in body else "refusal" if how.refusal else "content"
    pieces = [("reasoning_content", piece) for piece in chunked(thoughts, how.tokens_per_chunk)]
    pieces += [(name, piece) for piece in chunked(kept, how.tokens_per_chunk)]
    output = {"right": counted, "none": 0, "negative": -counted, "over": (most or counted) + 7}[how.usage]
    usage = {
        "prompt_tokens": input_tokens(body),
        "completion_tokens": output,
        "total_tokens": input_tokens(body) + output,
        "prompt_tokens_details": {"cached_tokens": how.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": len(thoughts)},
    }
    finish = how.finish or ("stop" if len(kept) == len(words) else "length")
    return Text(pieces, finish, None if how.usage == "none" else usage)


class First:
    """When the first chunk of an answer went out, by `time.perf_counter()`."""

    at: float | None = None

    def note(self) -> None:
        """Note the first one."""
        self.at = time.perf_counter() if self.at is None else self.at


class Server:
    """The server, in a thread of its own."""

    def __init__(
        self, behaviours: Mapping[str, Behaviour] | None = None, *, answers: Mapping[str, str] | None = None,
        planted: Mapping[str, Behaviour] | None = None, key: str | None = None, context: int | None = None,
        models_status: int = 200, log: Path | None = None, port: int = 0,
    ) -> None:  # fmt: skip
        """Make a server.

        Args:
            behaviours: how each model answers; by default `tiny`, at once.
            answers: the text of a prompt → the answer to it.
            planted: the text of a prompt → how it is answered, whatever the model.
            key: what `Authorization` must hold.
            context: the most tokens of prompt and answer.
            models_status: what GET /models answers.
            log: a file that gets a line for each request, and another when it has been answered: with the seconds from
                the request to the first chunk as they were.
            port: 0 for a free one.
        """
        self.behaviours = behaviours or {"tiny": Behaviour()}
        self.answers, self.planted = answers or {}, planted or {}
        self.key, self.context, self.models_status, self.log_file, self.port = key, context, models_status, log, port
        self.log: list[dict[str, Any]] = []
        """One entry for each request when it comes, and one when it has been answered."""
        self.in_flight = 0
        self.requests: Counter[str] = Counter()
        """How often each model, and each request, has been asked."""
        self._ready, self._ended = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="server", daemon=True)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def prompts(self, event: str = "answered") -> list[str]:
        """Return the prompts that were `asked`, or `answered`."""
        return [entry["prompt"] for entry in self.log if entry["event"] == event]

    def __enter__(self) -> Self:
        """Start the thread and wait until the server listens."""
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *ended: object) -> None:
        """End the thread, with what is under way."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def serve(self) -> None:
        """Serve until the end is set."""
        self._loop = asyncio.get_running_loop()
        application = web.Application(client_max_size=2**26)
        application.router.add_post("/v1/chat/completions", self._answer)
        application.router.add_post("/v1/completions", self._answer)
        application.router.add_get("/v1/models", self._models)
        application.router.add_get("/page", _page)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._ended.wait()
        await runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if self.models_status != 200:
            return web.Response(status=self.models_status, text="Internal Server Error")
        return web.json_response(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in self.behaviours]}
        )

    def _refused(self, request: web.Request) -> web.Response | None:
        """Return 401 for a wrong key; as some servers do, with the key."""
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.key is None or shown == self.key:
            return None
        return _error(401, {"message": f"Incorrect API key provided: {shown}.", "code": "invalid_api_key"})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        received, first = time.perf_counter(), First()
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.json()
        prompt, text = last_text(body), json.dumps(body, sort_keys=True)
        self.in_flight += 1
        entry = {"prompt": prompt, "model": body["model"], "try": self.requests[text], "in_flight": self.in_flight}
        entry |= {"images": urls} if (urls := images(body)) else {}
        entry |= {"response_format": body["response_format"]} if "response_format" in body else {}
        number = self.requests[body["model"]]
        self.requests.update([text, body["model"]])
        self._note("asked", entry)
        try:
            response = self._fault(body) or await self._respond(request, body, number, entry["try"], received, first)
        finally:
            self.in_flight -= 1
        first_s = None if first.at is None else first.at - received
        self._note("answered", entry | {"status": response.status, "first_s": first_s})
        return response

    def _note(self, event: str, entry: dict[str, Any]) -> None:
        line = {"event": event, "at": time.time(), **entry}
        self.log.append(line)
        if self.log_file is not None:
            with self.log_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _fault(self, body: Mapping[str, Any]) -> web.Response | None:
        """Return what a request that cannot be answered gets; in the words of vLLM."""
        model, wanted = body["model"], input_tokens(body) + (limit(body) or 0)
        if model not in self.behaviours:
            return _error(
                404, {"message": f"The model `{model}` does not exist.", "type": "NotFoundError", "code": 404}
            )
        if self.context is not None and wanted > self.context:
            message = f"This model's maximum context length is {self.context} tokens. However, you requested {wanted}."
            return _error(400, {"message": message, "type": "BadRequestError", "code": 400})
        return None

    async def _respond(
        self,
        request: web.Request,
        body: Mapping[str, Any],
        number: int,
        tried: int,
        received: float,
        first: First,
    ) -> web.StreamResponse:
        prompt = last_text(body)
        how = self.planted.get(prompt, self.behaviours[body["model"]])
        if how.refuses_format and "response_format" in body:
            return _error(400, {"message": "Unrecognized request argument supplied: response_format", "code": None})
        status = how.statuses[min(tried, len(how.statuses) - 1)]
        if status != 200:
            headers = {} if how.retry_after is None else {"Retry-After": how.retry_after}
            if how.error_page:
                return web.Response(text=PAGE, status=status, content_type="text/html", headers=headers)
            return _error(status, how.error, headers)
        made = make_text(how, reference(self.answers, prompt), body)
        due = received + how.first_s[number % len(how.first_s)]
        if body.get("stream") and not how.ignores_stream:
            return await _stream(request, how, made, body, due, first)
        await _until(due + how.gap_s * max(0, len(made.pieces) - 1))
        return await _whole(request, how, made, body)


def _error(status: int, error: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": error}, status=status, headers=headers)


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _whole(request: web.Request, how: Behaviour, made: Text, body: Mapping[str, Any]) -> web.Response:
    """Return an answer in one piece, with its fault."""
    if how.ending == "silence":
        await asyncio.sleep(3600)
    if how.logprobs and body.get("echo"):
        return _echoed(how, made, body)
    part = {"text": made.message()["text"]} if "prompt" in body else {"message": made.message()}
    choice = {"index": 0, **part, "finish_reason": made.finish}
    whole = {"id": "1", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": made.usage}
    whole |= {"system_fingerprint": how.version} if how.version else {}
    text = json.dumps(whole)
    if how.ending == "cut":
        return await _cut_body(request, text.encode())
    return web.Response(
        text=text[: len(text) // 2] if how.ending == "broken" else text, content_type="application/json"
    )


def logprob(token: str) -> float:
    """Return the logarithm of a token's probability: any fixed function of it."""
    return -0.25 * len(token)


def _echoed(how: Behaviour, made: Text, body: Mapping[str, Any]) -> web.Response:
    """Return a prompt with its answer, and the probability of each token but the first, as vLLM does."""
    prompt = [*([how.begin] if how.begin else []), *tokens(body["prompt"])]
    words = [*prompt, *(text for _, text in made.pieces)]
    chances = [None, *map(logprob, words[1:])]
    choice = {
        "index": 0, "text": "".join(words), "finish_reason": made.finish,
        "logprobs": {"tokens": words, "token_logprobs": chances},
    }  # fmt: skip
    usage = made.usage and {**made.usage, "prompt_tokens": len(prompt)}
    return web.json_response({"id": "1", "object": "text_completion", "model": body["model"], "choices": [choice],
                              "usage": usage})  # fmt: skip


async def _cut_body(request: web.Request, data: bytes) -> Any:
    """Promise all bytes of a body, send half of them, and close."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    _close(request)
    return response


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def _stream(
    request: web.Request, how: Behaviour, made: Text, body: Mapping[str, Any], due: float, first: First
) -> web.StreamResponse:
    """Send an answer chunk by chunk, each at its time; all of it is made before the first goes out."""
    pieces = [_event(how, body, _choice(name, text)) for name, text in made.pieces]
    last = _last_events(how, made, body)
    waiting = [_event(how, body, _choice("role", "assistant"))] if "messages" in body else []
    await _until(due)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for place, piece in enumerate(pieces):
        if place == how.ending_after and how.ending in {"cut", "broken", "silence", "error"}:
            await _write(response, how, waiting)
            return await _end_early(request, response, how)
        waiting.append(piece)
        if len(waiting) >= how.chunks_per_write:
            first.note()
            await _write(response, how, waiting)
            waiting = []
        await _until(due + (place + 1) * how.gap_s)
    await _write(response, how, [*waiting, *last])
    return response


async def _until(due: float) -> None:
    """Wait for a time of `time.perf_counter()`."""
    await asyncio.sleep(max(0.0, due - time.perf_counter()))


def _choice(name: str, text: str) -> dict[str, Any]:
    return {"index": 0, **({"text": text} if name == "text" else {"delta": {name: text}})}


def _event(how: Behaviour, body: Mapping[str, Any], choice: Mapping[str, Any] | None, **more: Any) -> bytes:
    """Return one event; characters beyond ASCII stand as they are, so that a cut may go through them.

    Half an emoji is none: it is escaped.
    """
    chunk = {"id": "1", "object": "chat.completion.chunk", "model": body["model"]}
    chunk |= {"system_fingerprint": how.version} if how.version else {}
    chunk |= {"choices": [{"finish_reason": None, **choice}] if choice else [], **more}
    text = json.dumps(chunk, ensure_ascii=False)
    halves = any("\ud800" <= letter <= "\udfff" for letter in text)
    return f"data: {json.dumps(chunk) if halves else text}{how.line_end * 2}".encode()


def _last_events(how: Behaviour, made: Text, body: Mapping[str, Any]) -> list[bytes]:
    part = {"text": ""} if "prompt" in body else {"delta": {}}
    last = [_event(how, body, {"index": 0, **part, "finish_reason": made.finish})]
    if made.usage is not None and body.get("stream_options", {}).get("include_usage"):
        last.append(_event(how, body, None, usage=made.usage))
    return last if how.ending == "no done" else [*last, f"data: [DONE]{how.line_end * 2}".encode()]


async def _end_early(request: web.Request, response: web.StreamResponse, how: Behaviour) -> web.StreamResponse:
    if how.ending == "silence":
        await asyncio.sleep(3600)
    if how.ending == "broken":
        await response.write(b'data: {"choices": [{"delta": {"content": \n\ndata: [DONE]\n\n')
    elif how.ending == "error":
        await _write(response, how, [b'data: {"error": {"message": "engine died", "code": 500}}\n\n'])
    else:
        await response.write(b'data: {"choices": [{"del')
        _close(request)
    return response


async def _write(response: web.StreamResponse, how: Behaviour, events: list[bytes]) -> None:
    """Send events in one piece, or in pieces of so many bytes that go out one by one."""
    data = b"".join(events)
    if how.bytes_per_write is None:
        await response.write(data) if data else None
        return
    for at in range(0, len(data), how.bytes_per_write):
        await response.write(data[at : at + how.bytes_per_write])
        await asyncio.sleep(0.001)  # so that the client reads it alone


@contextlib.contextmanager
def own_process(*arguments: str) -> Iterator[str]:
    """Serve in a process of its own; the value is the base URL."""
    command = [sys.executable, "-I", str(Path(__file__).resolve()), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--model", default="tiny")
    parser.add_argument(
        "--first", type=float, nargs="+", default=[0.0], help="seconds, for successive requests in turn"
    )
    parser.add_argument("--gap", type=float, default=0.0, help="seconds between tokens")
    parser.add_argument("--tokens", type=int, default=8, help="how many are answered without references")
    parser.add_argument("--answers", type=Path, help="a JSON object: text of a prompt to answer")
    parser.add_argument("--planted", type=Path, help="a JSON object: text of a prompt to fields of Behaviour")
    parser.add_argument("--key", help="what Authorization must hold")
    parser.add_argument("--context", type=int, help="the most tokens of prompt and answer")
    parser.add_argument("--log", type=Path, help="a file that gets JSON lines: each request, and each answer")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    usual = Behaviour(first_s=tuple(options.first), gap_s=options.gap, tokens=options.tokens)
    planted = {prompt: Behaviour(**_tuples(fields)) for prompt, fields in _json(options.planted).items()}
    server = Server(
        {options.model: usual}, answers=_json(options.answers), planted=planted, key=options.key,
        context=options.context, log=options.log, port=options.port,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    await asyncio.to_thread(server._ready.wait)
    print(server.url, flush=True)  # noqa: T201 - the caller reads it
    await serving


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _json(file: Path | None) -> dict[str, Any]:
    return {} if file is None else json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
