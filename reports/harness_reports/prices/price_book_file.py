"""Reading a user's price book: a YAML file in which every price has a date and a source.

```yaml
name: ours
summary: what we pay
prices:
  - item: CPU
    usd: 0.034
    per: hour
    provider: Example Cloud
    offer: c5.large, on demand
    region: eu-central-1
    as_of: 2026-11-01
    source: invoice of November 2026
    billing: machine            # every hour is paid, idle or not; `second`: seconds of use alone; `machine` if left out
    energy: included            # in the price, or `excluded`; `included` if left out
owned:                          # bought machines: an hour of a unit is priced by value lost and energy
  - item: CPU
    usd: 9_000                  # of the whole machine with its network
    units: 64                   # vCPUs, or accelerators
    watts: 400                  # on average, of the whole machine
    usd_per_kwh: 0.12
    pue: 1.4                    # 1.25 where it is left out
    value_lost_per_year: 0.25   # 0.276 where it is left out
    energy: included            # `excluded`: the price leaves it out; then without `watts`, `usd_per_kwh` and `pue`
    as_of: 2026-11-01
    source: invoice of November 2026
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from harness.encodings import read_text
from harness.errors import DataError, FactError, unknown
from harness.facts import Price, PriceBook, ambiguous
from harness.yaml_text import compose, line_of, load, quotes_wanted

REQUIRED = ("item", "usd", "per", "provider", "offer", "region", "as_of", "source")
TERMS = ("billing", "energy")


def find_price_book(name: str, books: Mapping[str, PriceBook]) -> PriceBook:
    """Return a plugin's price book of this name, else the one in the file `name`.

    Raises:
        FactError: there is neither, or the file is not valid.
    """
    if name in books:
        return books[name]
    if Path(name).suffix in (".yaml", ".yml") or Path(name).exists():
        return read_price_book(Path(name))
    raise FactError(f"{unknown('price book', name, books)} A file's name ends in .yaml.")


def read_price_book(path: Path) -> PriceBook:
    """Return the price book in a YAML file.

    Raises:
        FactError: the file or an entry is not valid; the message names the entry.
    """
    try:
        text = read_text(path)
        body = load(text)
    except (OSError, DataError) as error:
        raise FactError(f"Price book {str(path)!r} cannot be read: {str(error).removesuffix('.')}.") from error
    except yaml.YAMLError as error:
        raise FactError(f"Price book {str(path)!r} is not valid YAML: {' '.join(str(error).split())}.") from error
    lists = {key: body.get(key) or [] for key in _READ} if isinstance(body, dict) else {}
    if not any(lists.values()) or not all(isinstance(entries, list) for entries in lists.values()):
        raise FactError(
            f"Price book {str(path)!r} has no list `prices`. Write `prices:` and one `- item: …` for each price."
        )
    for key in body:
        if key not in ("name", "summary", *_READ):
            raise FactError(f"Price book {str(path)!r}: {unknown('key', str(key), ('name', 'summary', *_READ))}")
    prices = tuple(
        read(f"{path}, {what} {number}", entry)
        for key, (what, read) in _READ.items()
        for number, entry in enumerate(lists[key], 1)
    )
    where = f"Price book {str(path)!r}"
    if pair := ambiguous(prices):
        raise FactError(f"{where}: {_two_prices(prices, pair, compose(text), lists)}")
    return PriceBook(_text(where, body, "name", path.stem), _text(where, body, "summary"), prices)


def _two_prices(prices: Sequence[Price], pair: tuple[int, int], root: Any, lists: Mapping[str, Sequence[Any]]) -> str:
    """Return the sentence for two different prices of one thing, with their lines."""
    places = [(key, number) for key, entries in lists.items() for number in range(len(entries))]
    price, (first, second) = prices[pair[0]], (f"line {line_of(root, places[position])}" for position in pair)
    return (
        f"{first} and {second} give two prices of {price.item!r} by {price.provider}, {price.offer}, {price.region}, "
        f"on {price.as_of}. Keep one, or name their offers apart."
    )


def _text(where: str, entry: Mapping[str, Any], key: str, default: str = "") -> str:
    value = entry.get(key, default)
    if remedy := quotes_wanted(value):
        raise FactError(f"{where}: `{key}` is {value!r}. {remedy}")
    return str(value or default)


def _checked(where: str, entry: Any, required: Sequence[str], optional: Sequence[str]) -> str:
    """Return `where` with the entry's item, for messages.

    Raises:
        FactError: a required key is missing, or a key is unknown.
    """
    if not isinstance(entry, dict):
        raise FactError(f"{where}: write `key: value` lines, not {entry!r}.")
    where = f"{where} ({entry['item']})" if entry.get("item") else where
    for key in entry:
        if key not in (*required, *optional):
            raise FactError(f"{where}: {unknown('key', str(key), (*required, *optional))}")
    for key in required:
        if entry.get(key) in (None, ""):
            raise FactError(f"{where} has no `{key}`. {_why(key)}")
    return where


def _owned(where: str, entry: Any) -> Price:
    from harness_reports.prices.owned import OPTIONAL_TEXTS, keys, owned_price

    where = _checked(where, entry, *keys(entry))
    for key in ("item", "source", *OPTIONAL_TEXTS):
        _text(where, entry, key)
    return owned_price(where, entry, _day(where, entry["as_of"]))


def _price(where: str, entry: Any) -> Price:
    where = _checked(where, entry, REQUIRED, ("as_of_note", *TERMS))
    if entry["per"] != "hour":
        raise FactError(f"{where}: `per` is {entry['per']!r}; prices here are per hour of one unit of the item.")
    keys = ("item", "provider", "offer", "region", "source", *(key for key in TERMS if key in entry))
    texts: dict[str, Any] = {key: _text(where, entry, key) for key in keys}  # `Price` checks the terms
    amount, day, note = _amount(where, entry["usd"]), _day(where, entry["as_of"]), _text(where, entry, "as_of_note")
    try:
        return Price(**texts, usd=amount, per="hour", as_of=day, as_of_note=note)
    except FactError as error:
        raise FactError(f"{where}: {error}") from None


def _why(key: str) -> str:
    reasons = {
        "as_of": "An undated price is not a fact: add the day it was true.",
        "source": "Say where it comes from.",
    }
    return reasons.get(key, "Add it.")


def _amount(where: str, value: Any) -> Decimal:
    try:
        return Decimal(str(value))  # by way of text 0.1 stays 0.1, and True is refused
    except InvalidOperation:
        raise FactError(
            f"{where}: `usd` is {value!r}. Give a number of USD: convert another currency, and say in `source` at "
            "which day's rate."
        ) from None


def _day(where: str, value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise FactError(f"{where}: `as_of` is {value!r}. Give a day such as 2026-11-01.") from None


_READ: Mapping[str, tuple[str, Callable[[str, Any], Price]]] = {
    "prices": ("price", _price),
    "owned": ("machine", _owned),
}
"""List in the file → name of its entries in messages, and their reader."""
