"""A user's price book is read, or refused with a sentence for each mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from harness import FactError, Price, PriceBook
from harness_reports.prices.price_book_file import find_price_book, read_price_book

GOOD = """
name: ours
summary: what we pay
prices:
  - item: CPU
    usd: 0.034
    per: hour
    provider: Example Cloud
    offer: c5.large
    region: eu-central-1
    as_of: 2026-11-01
    source: invoice of November 2026
"""


def write(folder: Path, text: str) -> Path:
    """Write a price book."""
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_book_is_read(tmp_path: Path) -> None:
    """With the amount exactly as written."""
    book = read_price_book(write(tmp_path, GOOD))

    assert (book.name, book.summary) == ("ours", "what we pay")
    assert book.prices == (
        Price(
            "CPU", Decimal("0.034"), "hour", "Example Cloud", "c5.large", "eu-central-1", date(2026, 11, 1), "",
            "invoice of November 2026",
        ),
    )  # fmt: skip


def test_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    """The one in the module's docstring."""
    from harness_reports.prices import price_book_file

    example = str(price_book_file.__doc__).split("```yaml\n")[1].split("```")[0]

    assert read_price_book(write(tmp_path, example)).prices[0].usd == Decimal("0.034")


def test_terms_of_an_offer_are_read(tmp_path: Path) -> None:
    """How it is billed, and whether energy is in the price."""
    terms = "per: hour\n    billing: second\n    energy: excluded"

    (price,) = read_price_book(write(tmp_path, GOOD.replace("per: hour", terms))).prices

    assert (price.billing, price.energy) == ("second", "excluded")


@pytest.mark.parametrize("amount", ["5e-05", "1E-3", "1_000", "3e2", "0.10", ".5"])
def test_an_amount_may_have_every_form_of_a_number(tmp_path: Path, amount: str) -> None:
    """Exactly as written."""
    (price,) = read_price_book(write(tmp_path, GOOD.replace("0.034", amount))).prices

    assert price.usd == Decimal(amount)


@pytest.mark.parametrize(("key", "value"), [("region", "no"), ("offer", "1e3"), ("provider", "010"), ("item", "2024")])
def test_a_text_that_looks_like_a_number_wants_quotes(tmp_path: Path, key: str, value: str) -> None:
    """Instead of being turned into another text."""
    lines = [f"{line.split(key)[0]}{key}: {value}" if f"{key}:" in line else line for line in GOOD.splitlines()]
    with pytest.raises(FactError, match=rf"price 1 .*`{key}` is .* put it in quotes"):
        read_price_book(write(tmp_path, "\n".join(lines)))
    quoted = "\n".join(lines).replace(f"{key}: {value}", f'{key}: "{value}"')

    assert getattr(read_price_book(write(tmp_path, quoted)).prices[0], key) == value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_fine(tmp_path: Path, encoding: str) -> None:
    """As Windows writes it."""
    path = tmp_path / "prices.yaml"
    path.write_text(GOOD, encoding=encoding)

    assert read_price_book(path).name == "ours"


@pytest.mark.parametrize("day", ["'2026-11-01'", "2026-11-01 12:00:00", "2026-11-01"])
def test_days_may_be_written_in_several_ways(tmp_path: Path, day: str) -> None:
    """Quoted, with a time, or plain."""
    book = read_price_book(write(tmp_path, GOOD.replace("as_of: 2026-11-01", f"as_of: {day}")))

    assert type(book.prices[0].as_of) is date
    assert book.prices[0].as_of == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("as_of: 2026-11-01", "as_of:", "no `as_of`"),
        ("as_of: 2026-11-01", "as_of: last year", "Give a day such as"),
        ("as_of: 2026-11-01", "as_of: 2026-02-30", "not valid YAML"),
        ("source: invoice of November 2026", "source: ''", "no `source`"),
        ("usd: 0.034", "usd: cheap", "Give a number"),
        ("usd: 0.034", "usd: true", "Give a number"),
        ("usd: 0.034", "usd: 0", "Give a positive amount"),
        ("usd: 0.034", "usd: -1", "Give a positive amount"),
        ("usd: 0.034", "usd: .nan", "Give a positive amount"),
        ("usd: 0.034", "usd: .inf", "Give a positive amount|Give a number"),
        ("per: hour", "per: month", "per hour"),
        ("per: hour", "per: hour\n    billing: minute", "price 1 .CPU.: .*Unknown billing 'minute'"),
        ("per: hour", "per: hour\n    energy: exclude", "price 1 .CPU.: .*Did you mean 'excluded'"),
        ("per: hour", "per: hour\n    billing:", "Known: machine, second"),
        ("offer: c5.large", "ofer: c5.large", "Did you mean 'offer'"),
        ("summary: what", "sumary: what", "Did you mean 'summary'"),
        ("prices:", "price:", "no list `prices`"),
        ("name: ours", "name: [", "not valid YAML"),
        ("  - item: CPU", "  - 3\n  - item: CPU", "price 1: write `key: value`"),
        ("name: ours", "name: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_bad_book_is_refused(tmp_path: Path, old: str, new: str, word: str) -> None:
    """With a message that names the file."""
    assert GOOD.count(old) == 1
    with pytest.raises(FactError, match=word) as caught:
        read_price_book(write(tmp_path, GOOD.replace(old, new)))

    assert "prices.yaml" in str(caught.value)


SECOND = GOOD[GOOD.index("  - item") :]


@pytest.mark.parametrize(
    "second", [SECOND.replace("0.034", "0.03"), SECOND + "    billing: second\n", SECOND + "    energy: excluded\n"]
)
def test_two_prices_of_one_offer_and_day_are_refused(tmp_path: Path, second: str) -> None:
    """With both lines; a price that is there twice, or one of another offer, is fine."""
    with pytest.raises(FactError, match=r"prices.yaml': line 5 and line 13 give two prices of 'CPU' by Example Cloud"):
        read_price_book(write(tmp_path, GOOD + second))

    for fine in (SECOND, second.replace("c5.large", "c5.large, by contract"), second.replace("11-01", "11-02")):
        assert len(read_price_book(write(tmp_path, GOOD + fine)).prices) == 2


@pytest.mark.parametrize("key", ["item", "source", "provider", "offer", "region"])
def test_a_text_of_an_own_machine_wants_quotes(tmp_path: Path, key: str) -> None:
    """`yes` is no provider called True."""
    entry = {"item": "CPU", "usd": 9000, "units": 64, "watts": 0, "usd_per_kwh": 0, "as_of": "2026-11-01",
             "source": "invoice", key: "yes"}  # fmt: skip
    lines = "\n".join(f"    {name}: {value}" for name, value in entry.items())
    with pytest.raises(FactError, match=f"machine 1 .*`{key}` is True. YAML reads it as true or false"):
        read_price_book(write(tmp_path, f"owned:\n  -\n{lines}\n"))


@pytest.mark.parametrize("text", ["", "[]", "prices: []", "prices: 3"])
def test_empty_book_is_refused(tmp_path: Path, text: str) -> None:
    """It has no prices."""
    with pytest.raises(FactError, match="no list `prices`"):
        read_price_book(write(tmp_path, text))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Binary content, or a missing file."""
    path = tmp_path / "prices.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(FactError, match="cannot be read"):
        read_price_book(path)
    with pytest.raises(FactError, match="cannot be read"):
        read_price_book(tmp_path / "missing.yaml")


def test_name_is_looked_up_before_files(tmp_path: Path, make_price: Callable[..., Price]) -> None:
    """A plugin's book, else a file, else an error with the nearest name."""
    cloud = PriceBook("cloud", "for tests", (make_price(),))

    assert find_price_book("cloud", {"cloud": cloud}) is cloud
    assert find_price_book(str(write(tmp_path, GOOD)), {"cloud": cloud}).name == "ours"
    with pytest.raises(FactError, match="Did you mean 'cloud'"):
        find_price_book("clouds", {"cloud": cloud})
