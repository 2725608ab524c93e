"""What is worth to look for."""

import numpy as np
import pytest

from imgsvc.cache.digest import seconds_a_byte
from imgsvc.cache.memory import MemoryStore
from imgsvc.cache.rates import FetchRate
from imgsvc.cache.rule import LOOKING_SECONDS, Rule, answer_bytes
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import RawImage

MIB = 1 << 20


class At:
    """A store so many seconds away."""

    def __init__(self, latency, a_byte):
        self.fetch_seconds = FetchRate(latency, a_byte).seconds


def test_computing_must_take_longer_than_hashing_and_fetching():
    rule = Rule(At(1e-3, 2e-9), 3)
    rule.hash_seconds_a_byte = 1e-9
    looking = LOOKING_SECONDS + 3e-3 + 1e-3 + 2e-3
    assert rule.looking_seconds(3_000_000, 1_000_000) == pytest.approx(looking)
    assert rule.is_worth(3.01 * looking, 3_000_000, 1_000_000)
    assert not rule.is_worth(2.99 * looking, 3_000_000, 1_000_000)


def test_what_no_store_keeps_is_not_worth_anything():
    for worth in (0, 2):
        rule = Rule(MemoryStore(8 * MIB, 60), worth)
        assert rule.is_worth(1e9, 1000, MIB - 1000)
        assert not rule.is_worth(1e9, 1000, MIB)


def test_hashing_is_measured():
    assert 1e-11 < seconds_a_byte() < 1e-7


def test_a_rate_follows_what_is_fetched():
    rate = FetchRate(1e-3, 1e-9)
    for _ in range(100):
        rate.observe(0, 5e-3)
        rate.observe(MIB, 5e-3 + MIB * 4e-9)
    assert rate.latency == pytest.approx(5e-3, rel=0.01)
    assert rate.a_byte == pytest.approx(4e-9, rel=0.01)
    assert rate.seconds(MIB) == pytest.approx(5e-3 + MIB * 4e-9, rel=0.01)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([Output()], 300),
        ([Output("png")], 300),
        ([Output("webp")], 75),
        ([Output("webp", lossless=True)], 300),
        (
            [
                Output("jpeg"),
                Output("raw", name="b", pipeline="rotate90 1 | crop left=0 top=0 width=5 height=10"),
            ],
            75 + 150,
        ),
    ],
)
def test_the_size_of_an_answer_is_that_of_its_pixels_or_a_share(outputs, expected):
    image = np.zeros((10, 10, 3), np.uint8)
    recipe = Recipe("invert", tuple(outputs))
    assert answer_bytes(plan_recipe(RawImage(image.shape, image.dtype, image), recipe, Limits())) == expected
