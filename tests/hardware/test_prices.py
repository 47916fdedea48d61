"""The price book `cloud`: dated, sourced, on-demand prices, and nothing that merely looks like one."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, Price
from harness_hardware.cuda import PRICE_ITEMS, price_item
from harness_hardware.prices import CLOUD, SAME_ITEM, VAGUE_DATES, read_book, read_books

COLUMNS = CLOUD.read_text(encoding="utf-8").splitlines()[0].split(",")
ROW = {
    "provider": "A cloud", "instance": "big.one", "accelerator": "H200-141GB", "n_accel": "8", "vcpus": "128",
    "region": "somewhere", "on_demand_usd_h": "28.0", "per_accel_usd_h": "3.5", "spot_usd_h": "11.6",
    "as_of": "2025-03-03", "source": "its price list",
}  # fmt: skip


def write(folder: Path, **changes: str) -> Path:
    """Write a file of one row."""
    path = folder / "prices.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow({**ROW, **changes})
    return path


@pytest.fixture(scope="module")
def prices() -> tuple[Price, ...]:
    """Return the prices of the shipped book."""
    return read_book(CLOUD).prices


def test_every_price_is_dated_and_sourced(prices: tuple[Price, ...]) -> None:
    """No price of the shipped book lacks a date that has been, a source, a provider or a positive amount."""
    today = datetime.now(UTC).date()

    assert len(prices) > 100
    for price in prices:
        assert date(2023, 1, 1) <= price.as_of <= today
        assert price.source
        assert price.provider
        assert price.usd > 0


def test_a_processor_is_priced_by_the_vcpu(prices: tuple[Price, ...]) -> None:
    """An instance's price is divided by its vCPUs, exactly."""
    prices_by_offer = {price.offer: price for price in prices if price.item == "CPU"}

    assert prices_by_offer["m7i.large"].usd == Decimal("0.0504")
    assert prices_by_offer["m7i.metal-24xl"].usd == Decimal("0.0504")
    assert prices_by_offer["cpu-d3_4vcpu-16gb"].usd == Decimal("0.0248")


def test_another_architecture_is_another_item(prices: tuple[Price, ...]) -> None:
    """The instance with ARM processors is not among the prices of the others."""
    assert [price.offer for price in prices if price.item == "CPU-ARM"] == ["m8g.large"]


def test_an_accelerator_is_priced_by_the_piece(prices: tuple[Price, ...]) -> None:
    """An instance with eight accelerators costs an eighth for one of them."""
    h200 = {price.offer: price.usd for price in prices if price.item == "H200-141GB"}

    assert h200["gpu-h200-sxm_8gpu"] == Decimal("3.5")
    assert h200["p5en.48xlarge"] == Decimal("9.89")


def test_a_blank_price_is_left_out(prices: tuple[Price, ...]) -> None:
    """An instance that is sold in capacity blocks has a spot price alone: it is not in the book."""
    assert not [price for price in prices if price.offer == "p5e.48xlarge"]


def test_what_is_no_on_demand_price_is_left_out(prices: tuple[Price, ...]) -> None:
    """Owners' costs and three-year rentals are in the file and not in the book."""
    assert "SemiAnalysis" in CLOUD.read_text(encoding="utf-8")
    assert not [price for price in prices if "SemiAnalysis" in price.provider]


def test_a_vague_date_says_so(prices: tuple[Price, ...]) -> None:
    """A price whose day is not known carries a note, one whose day is known does not."""
    noted = {price.as_of for price in prices if price.as_of_note}

    assert noted == {day for day, _ in VAGUE_DATES.values()}
    assert all("unknown" in price.as_of_note for price in prices if price.as_of in noted)


def test_names_of_one_accelerator_meet_in_one_item(prices: tuple[Price, ...]) -> None:
    """What NVML calls a device is found in the book, and so is what different sources call it."""
    items = {price.item for price in prices}

    assert set(PRICE_ITEMS.values()) <= items
    assert set(SAME_ITEM.values()) <= items
    assert not set(SAME_ITEM) & items


@pytest.mark.parametrize(
    ("device", "item"),
    [
        ("NVIDIA H200", "H200-141GB"),
        ("NVIDIA H100 80GB HBM3", "H100-80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090"),
        ("NVIDIA Quadro of tomorrow", "NVIDIA Quadro of tomorrow"),
    ],
)
def test_the_item_of_a_device(device: str, item: str) -> None:
    """A known name is mapped, one that the book uses itself or nobody knows stays as it is: unpriced, not mispriced."""
    assert price_item(device) == item


def test_spot_and_note_have_no_part_in_it(tmp_path: Path) -> None:
    """The price of a row is its on-demand price, whatever the spot column says."""
    (price,) = read_book(write(tmp_path, spot_usd_h="0.01")).prices

    assert (price.usd, price.as_of, price.as_of_note) == (Decimal("3.5"), date(2025, 3, 3), "")


@pytest.mark.parametrize("spot", ["28.0", "30", "2.8", ""])
def test_a_placeholder_is_no_spot_price(tmp_path: Path, spot: str) -> None:
    """Equal to on demand, above it, exactly a tenth of it, or blank: nobody trades at that, so it has no price."""
    assert read_book(write(tmp_path, spot_usd_h=spot), "spot").prices == ()


def test_a_spot_price_is_shared_like_the_instances(tmp_path: Path) -> None:
    """By accelerators, or by vCPUs; a machine that is sold as spot alone is in the book too."""
    (price,) = read_book(write(tmp_path), "spot").prices
    (processor,) = read_book(write(tmp_path, accelerator="CPU", n_accel="0"), "spot").prices
    (alone,) = read_book(write(tmp_path, on_demand_usd_h="", per_accel_usd_h=""), "spot").prices

    assert price.usd == alone.usd == Decimal("1.45")
    assert processor.usd == Decimal("0.090625")


def test_a_commitment_is_a_book_of_its_own(tmp_path: Path) -> None:
    """One and three years, per accelerator as the file has them; a row without one is left out."""
    path = write(tmp_path, commit_1y_per_accel="2.4", commit_3y_per_accel="")

    assert [price.usd for price in read_book(path, "commitment-1y").prices] == [Decimal("2.4")]
    assert read_book(path, "commitment-3y").prices == ()


def test_contracts_of_the_shipped_file() -> None:
    """A commitment costs less than on demand; no spot price of the shipped file is a placeholder."""
    books = {book.name: book for book in read_books()}
    demand = {(price.provider, price.offer, price.region, price.item): price.usd for price in books["cloud"].prices}

    assert [*books] == ["cloud", "spot", "commitment-1y", "commitment-3y"]
    assert all(len(book.prices) > 5 for book in books.values())
    assert not [price for price in books["spot"].prices if price.provider == "RunPod"]
    for price in books["spot"].prices:
        spec = demand.get((price.provider, price.offer, price.region, price.item))
        assert spec is None or price.usd < spec


@pytest.mark.parametrize("as_of", ["", "2024", "lately", "2025-13-01"])
def test_a_price_without_a_day_is_refused(tmp_path: Path, as_of: str) -> None:
    """An empty or an unknown vague date is an error that names the row."""
    with pytest.raises(FactError, match=r"prices\.csv, row 2: as_of is .*undated"):
        read_book(write(tmp_path, as_of=as_of))


def test_a_price_without_a_source_is_refused(tmp_path: Path) -> None:
    """An empty source is an error that names the row."""
    with pytest.raises(FactError, match=r"row 2: .*no source"):
        read_book(write(tmp_path, source=""))


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_none_is_refused(tmp_path: Path, amount: str) -> None:
    """Zero is a price nobody asks: it is refused, not taken for free."""
    with pytest.raises(FactError, match=r"row 2: .*positive amount"):
        read_book(write(tmp_path, per_accel_usd_h=amount))


def test_a_word_for_a_price_is_refused(tmp_path: Path) -> None:
    """What is no number is named, with its column."""
    with pytest.raises(FactError, match="per_accel_usd_h is 'dear', which is no number"):
        read_book(write(tmp_path, per_accel_usd_h="dear"))


def test_a_processor_without_a_count_is_refused(tmp_path: Path) -> None:
    """An instance price cannot be divided by an unknown number of vCPUs."""
    with pytest.raises(FactError, match=r"no number of units .* Add `vcpus`"):
        read_book(write(tmp_path, accelerator="CPU", vcpus=""))


@given(cents=st.integers(1, 10**6), vcpus=st.sampled_from([1, 2, 4, 8, 16, 32, 64, 96, 128]))
def test_vcpus_make_up_the_instance(tmp_path_factory: pytest.TempPathFactory, cents: int, vcpus: int) -> None:
    """The price of a vCPU times their number is the price of the instance."""
    instance = Decimal(cents) / 100
    path = write(
        tmp_path_factory.mktemp("book"), accelerator="CPU", on_demand_usd_h=str(instance), per_accel_usd_h="",
        vcpus=str(vcpus),
    )  # fmt: skip

    (price,) = read_book(path).prices

    assert abs(price.usd * vcpus - instance) < Decimal("1e-20")
