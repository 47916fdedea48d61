"""The key of an endpoint: read when it is needed, shown to nobody but the server."""

from __future__ import annotations

import os
import re

from harness.errors import SuiteError


class Hidden(str):
    """A text whose `repr` does not show it: tracebacks with the values of variables quote that."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars."""
        return "'***'"


class Key:
    """An API key, or none; its text is in no `repr`, and `hide` takes it out of what a server says."""

    __slots__ = ("_text",)

    def __init__(self, text: str | None) -> None:
        """Keep the key."""
        self._text = text and Hidden(text)

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "Key(hidden)" if self._text else "Key(none)"

    def __reduce__(self) -> str:
        """Refuse to be pickled: a key does not travel to other processes or files."""
        raise TypeError("A key cannot be pickled; pass the name of its environment variable")

    def headers(self) -> dict[str, str]:
        """Return the header that shows the key to the server."""
        return {"Authorization": Hidden(f"Bearer {self._text}")} if self._text else {}

    def hide(self, text: str) -> str:
        """Return a text of the server without the key: some repeat it in their errors."""
        return text.replace(self._text, "***") if self._text else text


def read_key(variable: str | None) -> Key:
    """Return the key in an environment variable; without a variable, none.

    Raises SuiteError where the variable has no name of one, is not set, is empty, or holds what cannot stand in a
    header.
    """
    if variable is None:
        return Key(None)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise SuiteError(  # it is not quoted: it may be the key itself
            "key_variable is the name of the environment variable that holds the key, such as MY_KEY, and not the key."
        )
    text = os.environ.get(variable, "").strip()
    if not text:
        raise SuiteError(
            f"The environment variable {variable} is to hold the key and is not set. Next: export {variable}=…"
        )
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise SuiteError(
            f"The environment variable {variable} holds blanks or characters that no key has. Next: set it again."
        )
    return Key(text)
