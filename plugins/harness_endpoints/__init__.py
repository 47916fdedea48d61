"""Models behind a URL: asked by prompts, timed over the wire, billed by the token.

Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness import ModelScheme, Template, hookimpl
from harness_endpoints.remote import Http, Remote

if TYPE_CHECKING:
    from harness import Hardware, Model, Runtime

__all__ = ["harness_hardware", "harness_model_schemes", "harness_runtimes", "harness_templates"]


def _served(reference: str) -> Model:
    from harness_endpoints.served import open_reference

    return open_reference(reference)


@hookimpl
def harness_model_schemes() -> Iterable[ModelScheme]:
    """Return the scheme of models that speak OpenAI's protocol."""
    summary = "openai:NAME@URL, a model behind a URL that speaks OpenAI's protocol: hosted, vLLM, llama.cpp, Ollama, …"
    return [ModelScheme("openai", summary, _served, ("aiohttp",))]


@hookimpl
def harness_hardware() -> Iterable[Hardware]:
    """Return the machines behind endpoints."""
    return [Remote()]


@hookimpl
def harness_runtimes() -> Iterable[Runtime]:
    """Return what asks them."""
    return [Http()]


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Return the suite to edit."""
    file = Path(__file__).parent / "templates" / "endpoint.yaml"
    return [Template("endpoint", "A suite that asks a served model", file, "run my_name.yaml --dry-run", plugin=False)]
