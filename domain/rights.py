"""Who may do what: one table of kinds of body × roles × actions, each with its scope. docs/rights.md shows it."""

from collections.abc import Mapping
from enum import StrEnum

from domain.people import TREE, Body, Level, Person, Place, Post, Role


class Action(StrEnum):
    HANDLE = "handle"
    CALL_OFF = "call_off"
    SEE_FILES = "see_files"
    APPOINT = "appoint"
    DISMISS = "dismiss"
    DEPUTISE = "deputise"
    ESTABLISH = "establish"
    APPROVE = "approve"
    MAKE_CODES = "make_codes"
    BIND_CHAT = "bind_chat"
    QUIET = "quiet"
    OPEN_POLL = "open_poll"
    IMPORT_ROSTER = "import_roster"
    SEE_ROSTER = "see_roster"
    EXPORT = "export"
    TEACH = "teach"
    SET_ROUTES = "set_routes"
    SET_DUTY = "set_duty"


class Scope(StrEnum):
    """Of which bodies: one's own; it and all below it; all of the compound and those above one's own."""

    OWN = "own"
    SUBTREE = "subtree"
    COMPOUND = "compound"


class Kind(StrEnum):
    """The five levels; the property company; the other bodies beside the tree."""

    TREE = "tree"
    PROPERTY = "property"
    BESIDE = "beside"


LEADING = frozenset({Role.SECRETARY, Role.DIRECTOR, Role.LEADER, Role.HEAD})
APART = frozenset({Action.APPOINT, Action.DISMISS, Action.APPROVE})  # never about oneself
LASTING = frozenset(  # never in somebody's place
    {
        Action.APPOINT,
        Action.DISMISS,
        Action.DEPUTISE,
        Action.ESTABLISH,
        Action.BIND_CHAT,
        Action.IMPORT_ROSTER,
        Action.EXPORT,
        Action.SET_ROUTES,
    }
)

Grants = Mapping[Action, Scope]


def _over(scope: Scope, *actions: Action) -> dict[Action, Scope]:
    return dict.fromkeys(actions, scope)


_WORK = (Action.HANDLE, Action.CALL_OFF, Action.SEE_FILES)
_NEIGHBOURS = (Action.APPROVE, Action.MAKE_CODES, Action.SEE_ROSTER)
_STAFFING = (Action.APPOINT, Action.DISMISS, Action.BIND_CHAT, Action.QUIET)
_AWAY = _over(Scope.OWN, Action.DEPUTISE)
_staff = _over(Scope.SUBTREE, *_WORK)
_grid = _over(Scope.SUBTREE, *_WORK, *_NEIGHBOURS, Action.QUIET, Action.OPEN_POLL) | _AWAY
_head = _over(Scope.SUBTREE, *_WORK, *_NEIGHBOURS, *_STAFFING, Action.ESTABLISH, Action.TEACH, Action.OPEN_POLL) | _AWAY
_secretary = _head | _over(Scope.SUBTREE, Action.IMPORT_ROSTER, Action.EXPORT, Action.SET_ROUTES, Action.SET_DUTY)
_property = _over(Scope.COMPOUND, *_WORK)
_member = _over(Scope.OWN, *_WORK)
_chair = _member | _over(Scope.OWN, *_STAFFING) | _AWAY
_manager = _chair | _over(Scope.OWN, Action.SET_DUTY)

TABLE: Mapping[Kind, Mapping[Role, Grants]] = {
    Kind.TREE: {
        Role.SECRETARY: _secretary,
        Role.DIRECTOR: _secretary,
        Role.LEADER: _head,
        Role.HEAD: _head,
        Role.GRID: _grid,
        Role.STAFF: _staff,
        Role.DUTY: _staff,
    },
    Kind.PROPERTY: {role: (_manager if role in LEADING else {}) | _property for role in Role},
    Kind.BESIDE: {role: _chair if role in LEADING else _member for role in Role},
}


def kind_of(level: Level) -> Kind:
    if level in TREE:
        return Kind.TREE
    return Kind.PROPERTY if level is Level.PROPERTY else Kind.BESIDE


def allows(post: Post, action: Action, body: Body) -> bool:
    """Whether this one post gives that right over the body."""
    scope = None if post.acts_for and action in LASTING else TABLE[kind_of(post.body.level)][post.role].get(action)
    if scope is Scope.COMPOUND:
        same = post.body.compound_id is not None and post.body.compound_id == body.compound_id
        return same or post.body.under(body)
    return body.under(post.body) if scope is Scope.SUBTREE else scope is Scope.OWN and body.id == post.body.id


def may(person: Person, action: Action, body: Body | None = None, place: Place | None = None) -> bool:
    """Over the body; at the place, with a post in its building group, branch or property company (of posts above them
    only services/rights.py knows); with neither: anywhere at all."""
    if place:
        return any(_there(post.body, place) and allows(post, action, post.body) for post in person.posts)
    return any(allows(post, action, body or post.body) for post in person.posts)


def _there(body: Body, place: Place) -> bool:
    if body.level is Level.BUILDING_GROUP:
        return body.building_id is not None and body.building_id == place.building_id
    return body.level in (Level.BRANCH, Level.PROPERTY) and body.compound_id == place.compound_id


def may_give(person: Person, action: Action, role: Role, body: Body) -> bool:
    """To appoint or dismiss: who leads a body is named from above it, the others from within too."""
    return any(allows(post, action, body) and (role not in LEADING or body.id != post.body.id) for post in person.posts)
