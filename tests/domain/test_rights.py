"""The table of rights, asked about every role, action and place; and what must never be possible."""

from pathlib import Path

import pytest

from domain.people import TREE, Body, Level, Person, Place, Post, Role
from domain.rights import APART, LASTING, LEADING, TABLE, Action, Scope, kind_of, may, may_give
from services.rights import table

STREET = Body(1, Level.STREET, "", "/1/", None, None)
COMMUNITY = Body(2, Level.COMMUNITY, "", "/1/2/", None, None)
BRANCH = Body(3, Level.BRANCH, "", "/1/2/3/", 1, None)
GROUP = Body(4, Level.BUILDING_GROUP, "", "/1/2/3/4/", 1, 41)
MEMBERS = Body(5, Level.MEMBER_HOUSEHOLD, "", "/1/2/3/4/5/", 1, None)
SIBLING = Body(6, Level.BUILDING_GROUP, "", "/1/2/3/6/", 1, 61)
SIBLINGS_CHILD = Body(7, Level.MEMBER_HOUSEHOLD, "", "/1/2/3/6/7/", 1, None)
PROPERTY = Body(8, Level.PROPERTY, "", "/1/2/3/8/", 1, None)
OWNERS = Body(9, Level.OWNERS_COMMITTEE, "", "/1/2/9/", 1, None)
TEAM = Body(10, Level.TEAM, "", "/1/2/3/10/", 1, None)
OTHER_BRANCH = Body(13, Level.BRANCH, "", "/1/2/13/", 2, None)
OTHER_GROUP = Body(44, Level.BUILDING_GROUP, "", "/1/2/13/44/", 2, 441)  # its path begins like no other's
OTHER_PROPERTY = Body(18, Level.PROPERTY, "", "/1/2/13/18/", 2, None)
OTHER_COMMUNITY = Body(20, Level.COMMUNITY, "", "/1/20/", None, None)
BODIES = (STREET, COMMUNITY, BRANCH, GROUP, MEMBERS, SIBLING, SIBLINGS_CHILD, PROPERTY, OWNERS, TEAM)
ELSEWHERE = (OTHER_BRANCH, OTHER_GROUP, OTHER_PROPERTY, OTHER_COMMUNITY)
# Seen from one body: which stands where. Written by hand, not by the paths that the rule reads.
BELOW = {
    STREET: {COMMUNITY, BRANCH, GROUP, MEMBERS, SIBLING, SIBLINGS_CHILD, PROPERTY, OWNERS, TEAM, *ELSEWHERE},
    COMMUNITY: {BRANCH, GROUP, MEMBERS, SIBLING, SIBLINGS_CHILD, PROPERTY, OWNERS, TEAM, *ELSEWHERE[:3]},
    BRANCH: {GROUP, MEMBERS, SIBLING, SIBLINGS_CHILD, PROPERTY, TEAM},
    GROUP: {MEMBERS},
    SIBLING: {SIBLINGS_CHILD},
}
ABOVE = {PROPERTY: {BRANCH, COMMUNITY, STREET}}


def holding(role: Role, body: Body, *, acts_for: int | None = None) -> Person:
    return Person(7, "u", "n", posts=(Post(role, body, acts_for),))


def expected(role: Role, own: Body, action: Action, over: Body) -> bool:
    scope = TABLE[kind_of(own.level)][role].get(action)
    if scope is Scope.COMPOUND:
        return over.compound_id == own.compound_id or over in ABOVE[own]
    return (over == own and scope is not None) or (scope is Scope.SUBTREE and over in BELOW.get(own, set()))


@pytest.mark.parametrize("own", BODIES, ids=lambda body: body.level.name + str(body.id))
@pytest.mark.parametrize("role", Role)
def test_only_what_the_table_says(role: Role, own: Body) -> None:
    """Every role × action × (own node, child, sibling, parent, other compound)."""
    person = holding(role, own)
    for action in Action:
        for over in (*BODIES, *ELSEWHERE):
            assert may(person, action, over) is expected(role, own, action, over), (action, over)


@pytest.mark.parametrize("action", Action)
def test_never(action: Action) -> None:
    """What must not be possible, whatever the table says."""
    nobody = [Person(0, "u", "n"), Person(7, "u", "n", household_id=1, place=Place(1, 41)), Person(8, "u", "n", 1)]
    outsider = Person(9, "u", "n", outsider=True)
    for person in (*nobody, outsider):
        assert not any(may(person, action, over) for over in (*BODIES, *ELSEWHERE))
        assert not may(person, action)
    for role in Role:
        for own in (GROUP, MEMBERS):
            for over in (STREET, COMMUNITY, BRANCH, SIBLING, SIBLINGS_CHILD, PROPERTY, OWNERS, *ELSEWHERE):
                assert not may(holding(role, own), action, over)
        assert not any(may(holding(role, BRANCH), action, over) for over in (STREET, COMMUNITY, *ELSEWHERE))
        assert not any(may(holding(role, COMMUNITY), action, over) for over in (STREET, OTHER_COMMUNITY))
        assert not any(may(holding(role, PROPERTY), action, over) for over in ELSEWHERE)
        for own in (OWNERS, TEAM):
            assert not any(may(holding(role, own), action, over) for over in (*BODIES, *ELSEWHERE) if over != own)
    if action not in (Action.HANDLE, Action.CALL_OFF, Action.SEE_FILES):
        for role in (Role.STAFF, Role.DUTY):
            assert not any(may(holding(role, own), action, over) for own in BODIES for over in BODIES)
        for role in Role:
            others = [over for over in (*BODIES, *ELSEWHERE) if over != PROPERTY]
            assert not any(may(holding(role, PROPERTY), action, over) for over in others)


def test_import_and_export_are_for_secretaries_and_directors() -> None:
    for action in (Action.IMPORT_ROSTER, Action.EXPORT):
        roles = {role for role in Role for own in BODIES if may(holding(role, own), action)}
        assert roles == {Role.SECRETARY, Role.DIRECTOR}
        assert not any(may(holding(role, own), action) for role in Role for own in BODIES if own.level not in TREE)


def test_a_deputy_does_the_daily_work_only() -> None:
    for role in Role:
        for own in BODIES:
            own_right, deputy = holding(role, own), holding(role, own, acts_for=3)
            for action in Action:
                assert may(deputy, action, own) is (may(own_right, action, own) and action not in LASTING)
    assert {Action.APPOINT, Action.DISMISS, Action.DEPUTISE, Action.EXPORT} <= LASTING


def test_who_leads_a_body_is_named_from_above() -> None:
    for action in (Action.APPOINT, Action.DISMISS):
        for leading in LEADING:
            assert not any(may_give(holding(role, GROUP), action, leading, GROUP) for role in Role)
            assert may_give(holding(Role.SECRETARY, BRANCH), action, leading, GROUP)
            assert not may_give(holding(Role.SECRETARY, BRANCH), action, leading, BRANCH)
            assert not may_give(holding(Role.SECRETARY, BRANCH), action, leading, COMMUNITY)
            assert may_give(holding(Role.HEAD, GROUP), action, leading, MEMBERS)
            assert not may_give(holding(Role.LEADER, PROPERTY), action, leading, PROPERTY)
        assert may_give(holding(Role.HEAD, GROUP), action, Role.STAFF, GROUP)
        assert not may_give(holding(Role.HEAD, GROUP), action, Role.STAFF, SIBLING)
        assert not may_give(holding(Role.HEAD, GROUP, acts_for=3), action, Role.STAFF, GROUP)
        assert not may_give(holding(Role.STAFF, BRANCH), action, Role.STAFF, BRANCH)


def test_by_place() -> None:
    own, next_door, far = Place(1, 41), Place(1, 61), Place(2, 441)
    assert may(holding(Role.HEAD, GROUP), Action.APPROVE, place=own)
    assert not may(holding(Role.HEAD, GROUP), Action.APPROVE, place=next_door)
    assert not may(holding(Role.HEAD, GROUP), Action.APPROVE, place=Place(1))
    assert may(holding(Role.SECRETARY, BRANCH), Action.APPROVE, place=next_door)
    for role in Role:
        for body in (BRANCH, GROUP, PROPERTY):
            assert not may(holding(role, body), Action.HANDLE, place=far)
        assert not may(holding(role, MEMBERS), Action.APPROVE, place=own)
        assert not may(holding(role, PROPERTY), Action.APPROVE, place=own)


def test_the_table_is_whole() -> None:
    assert all(set(roles) == set(Role) for roles in TABLE.values())
    assert Action.APPROVE in APART and Action.APPOINT in APART


def test_the_page_shows_the_table() -> None:
    page = Path(__file__).parents[2] / "docs/rights.md"
    assert page.read_text(encoding="utf-8") == table(), "docs/rights.md is old: make rights"
