"""The table of who gets what first: whole, and what it must never say."""

from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from classifier import load_lexicon
from domain.people import TREE, Level
from domain.responsibility import AGENCIES, CHAINS, FIRSTS, OWNERS, chain_of, shift, tree_level
from services.responsibility import into

ZONE = ZoneInfo("Asia/Shanghai")


def test_every_category_has_its_chain() -> None:
    assert set(CHAINS) == set(load_lexicon().codes)
    assert all(set(chain.agencies) <= set(AGENCIES) for chain in CHAINS.values())


@pytest.mark.parametrize("category", CHAINS)
def test_the_residents_committee_owns_nothing(category: str) -> None:
    """It helps; government duties are not made its own."""
    assert Level.RESIDENTS_COMMITTEE not in chain_of(category).bodies
    assert Level.RESIDENTS_COMMITTEE not in OWNERS | set(FIRSTS)
    assert tree_level(category) in TREE


def test_complaints_about_the_company_do_not_begin_with_it() -> None:
    assert Level.PROPERTY not in chain_of("property").bodies
    assert tree_level("property") is Level.COMMUNITY


def test_a_night_ends_in_the_morning_and_a_day_at_midnight() -> None:
    day = date(2026, 11, 28)
    start, end = shift(day, ZONE, night=True)
    assert start.date() == day and end - start == timedelta(hours=14)
    start, end = shift(day, ZONE, night=False)
    assert start.date() == day and end - start == timedelta(days=1)


def test_the_page_shows_the_table() -> None:
    """`make routes` writes it."""
    page = Path("docs/tickets.md").read_text(encoding="utf-8")
    assert into(page) == page
    assert all(f"`{category}`" in page for category in CHAINS)
