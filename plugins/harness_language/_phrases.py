"""The default phrases: random values that babel formats in two locales, from the tables of CLDR.

They are dates, quantities, spans of time, lists of countries and amounts of money. None is translated by hand or
written by a person.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.dates import TIMEDELTA_UNITS, format_date, format_timedelta
from babel.lists import format_list
from babel.numbers import format_currency, get_territory_currencies
from babel.units import format_unit

from harness import DataError

RULE = 1
"""Raise it when other phrases come out."""
SIZES = {"train": 11_000, "validation": 1_000, "test": 1_000}
_SEED = 20261124
_FIRST_DAY, _DAYS = dt.date(1900, 1, 1).toordinal(), 200 * 365
_LONGEST_SPAN = 600
_LONGEST_LIST = 4
_CURRENCIES_OF = dt.date(2025, 1, 1)
"""Currencies in use on this day."""
_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}
"""CLDR's codes of two letters for groups, regions and pseudo-locales."""
_LENGTHS = ("long", "short", "narrow")
_MAX_DRAWS = 50
"""Draws for each phrase, on average, before locales count as having too few."""


class Pair(NamedTuple):
    """A text and its translation."""

    source: str
    target: str


class Tables(NamedTuple):
    """The parts of phrases that both locales have."""

    locales: tuple[Locale, Locale]
    units: Sequence[Mapping[Locale, tuple[str, Any]]]
    """For each unit: locale → the unit's id and its longest form in that locale."""
    countries: Sequence[str]
    currencies: Sequence[str]


def _parse_locale(setting: str, name: str) -> Locale:
    """Return babel's locale.

    Args:
        setting: the task's setting, for the message.
        name: such as `en` or `zh_Hant`.

    Raises:
        DataError: the locale is unknown.
    """
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise DataError(
            f"{setting} {name!r} is no locale of babel: {str(error).rstrip('.')}. "
            "Use a code such as en, zh, fr or pt_BR."
        ) from error


def locales(source: str, target: str) -> tuple[Locale, Locale]:
    """Return both locales.

    Raises:
        DataError: one is unknown, or both are the same.
    """
    both = _parse_locale("source_locale", source), _parse_locale("target_locale", target)
    if both[0] == both[1]:
        raise DataError(f"source_locale and target_locale are both {source!r}. Name two, such as en and zh.")
    return both


def phrases(source: str, target: str) -> dict[str, list[Pair]]:
    """Return phrases by split; source texts are unique.

    Raises:
        DataError: a locale is unknown, or the two share too few tables.
    """
    tables = _tables(locales(source, target))
    generator = random.Random(_SEED)  # noqa: S311 - no secret
    count = sum(SIZES.values())
    translations: dict[str, str] = {}
    for _ in range(_MAX_DRAWS * count):
        source_text, target_text = generator.choice(_KINDS)(generator, tables)
        translations.setdefault(_with_plain_spaces(source_text), _with_plain_spaces(target_text))
        if len(translations) == count:
            break
    else:
        raise DataError(f"babel has only {len(translations)} phrases in {source!r} and {target!r}, not {count}.")
    pairs = iter(Pair(*pair) for pair in translations.items())
    return {split: [next(pairs) for _ in range(size)] for split, size in SIZES.items()}


def _with_plain_spaces(text: str) -> str:
    """Return a text with plain spaces: CLDR's are non-breaking or narrow, and change between its versions."""
    return " ".join(text.split())


# Tables -------------------------------------------------------------------------------------------------------


def _tables(both: tuple[Locale, Locale]) -> Tables:
    names = sorted(set(both[0].unit_display_names) & set(both[1].unit_display_names))
    forms = [{locale: _form(name, locale) for locale in both} for name in names]
    units = [{locale: form for locale, form in unit.items() if form is not None} for unit in forms]
    countries = sorted(
        code
        for code in set(both[0].territories) & set(both[1].territories)
        if len(code) == 2 and code not in _NO_COUNTRIES  # noqa: PLR2004 - three digits are continents
    )
    used = {code for country in countries for code in get_territory_currencies(country, _CURRENCIES_OF)}
    return Tables(
        both,
        [unit for unit in units if len(unit) == len(both)],
        countries,
        sorted(used & set(both[0].currencies) & set(both[1].currencies)),
    )


def _form(unit: str, locale: Locale) -> tuple[str, Any] | None:
    """Return a unit's id and its longest form, or None if the locale lacks the unit."""
    for length in _LENGTHS:  # without a form, babel writes the id
        if unit not in format_unit(3, unit, length, locale=locale):  # type: ignore[arg-type]
            return unit, length
    return None


# Kinds of phrases -----------------------------------------------------------------------------------------------


def _date(generator: random.Random, tables: Tables) -> list[str]:
    day = dt.date.fromordinal(_FIRST_DAY + generator.randrange(_DAYS))
    return [format_date(day, "full", locale) for locale in tables.locales]


def _quantity(generator: random.Random, tables: Tables) -> list[str]:
    unit = generator.choice(tables.units)
    value = generator.choice((generator.randrange(1, 1000), generator.randrange(1, 10_000) / 10))
    return [format_unit(value, *unit[locale], locale=locale) for locale in tables.locales]


def _span(generator: random.Random, tables: Tables) -> list[str]:
    unit, seconds = generator.choice(TIMEDELTA_UNITS)
    span = dt.timedelta(seconds=seconds * generator.randrange(1, _LONGEST_SPAN) * generator.choice((-1, 1)))
    return [
        format_timedelta(span, unit, math.inf, add_direction=True, locale=locale)  # type: ignore[arg-type]
        for locale in tables.locales
    ]


def _list(generator: random.Random, tables: Tables) -> list[str]:
    codes = generator.sample(tables.countries, generator.randrange(2, _LONGEST_LIST))
    return [format_list([locale.territories[code] for code in codes], locale=locale) for locale in tables.locales]


def _amount(generator: random.Random, tables: Tables) -> list[str]:
    currency, value = generator.choice(tables.currencies), generator.randrange(1, 1_000_000) / 100
    return [format_currency(value, currency, locale=locale, format_type="name") for locale in tables.locales]


_KINDS: tuple[Callable[[random.Random, Tables], list[str]], ...] = (_date, _quantity, _span, _list, _amount)
