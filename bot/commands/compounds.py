"""`linli compound …`: the five levels over a compound's buildings, and the first who may appoint the others."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings
from bot.service import opened
from domain.people import Body, Level, Role
from storage import audit, people, places, rosters
from storage.database import Tx
from texts import say

compound_commands = typer.Typer(help="Residential compounds.", no_args_is_help=True)


def found(tx: Tx, bot_id: str, *, compound: str, community: str, street: str, director: tuple[str, str]) -> list[Body]:
    """Every body that was missing: street, community, branch, property, and a group for each building that stands.

    director: user id on the bot's platform and name; becomes director of the community. Run again after a roster with
    new buildings, it adds their groups.
    """
    compound_id = rosters.find_compound(tx, compound) or places.add_compound(tx, compound)
    made: list[Body] = []
    own = people.bodies_of_compound(tx, compound_id)
    branch = next((body for body in own if body.level is Level.BRANCH), None)
    if branch is None:
        top = people.add_body(tx, Level.STREET, street, parent=None)
        middle = people.add_body(tx, Level.COMMUNITY, community, parent=top)
        branch = people.add_body(
            tx, Level.BRANCH, say("founding.branch", compound=compound), parent=middle, compound_id=compound_id
        )
        firm = people.add_body(
            tx, Level.PROPERTY, say("founding.property", compound=compound), parent=branch, compound_id=compound_id
        )
        made += [top, middle, branch, firm]
    grouped = {body.building_id for body in own}
    for building_id, number in places.buildings(tx, compound_id):
        if building_id not in grouped:
            name = say("founding.building_group", building=number)
            group = people.add_body(
                tx, Level.BUILDING_GROUP, name, parent=branch, compound_id=compound_id, building_id=building_id
            )
            made.append(group)
    above = next(body for body in people.chain(tx, branch) if body.level is Level.COMMUNITY)
    _appoint(tx, bot_id, above, *director)
    return made


def _appoint(tx: Tx, bot_id: str, community: Body, user: str, name: str) -> None:
    known = people.find_person(tx, bot_id, user)
    person_id = known.id if known else people.add_person(tx, name)
    if known is None:
        people.add_identity(tx, bot_id, user, person_id)
    people.add_post(tx, person_id, community.id, Role.DIRECTOR)
    audit.record(
        tx,
        at=datetime.now(UTC),
        compound_id=None,
        actor_id=None,
        subject="person",
        subject_id=person_id,
        action="founded",
        body=community.id,
    )


@compound_commands.command(
    "add",
    epilog='Example: linli compound add "Tonghu" --community "Yong\'an" --street "Yong\'an" --director "5100003 Sun"',
)
def add(
    name: Annotated[str, typer.Argument(help="The compound, as its roster was imported.")],
    community: Annotated[str, typer.Option(help="The community's Party organisation.")],
    street: Annotated[str, typer.Option(help="The street's Party working committee.")],
    director: Annotated[str, typer.Option(help="Who appoints the others by chat: user id on the platform, and name.")],
    config: ConfigFile = None,
) -> None:
    """Set up the five levels over a compound; again after a roster with new buildings."""
    user, _, called = director.strip().partition(" ")
    if not called.strip():
        raise fail('--director needs the user id and the name: "5100003 Sun"')
    settings = load_settings(config)

    async def work() -> list[Body]:
        async with opened(settings.database.url) as database:
            who = (user, called.strip())
            bot_id = settings.bot.id
            return await database.run(found, bot_id, compound=name, community=community, street=street, director=who)

    made = asyncio.run(work())
    for body in made:
        typer.echo(f"{body.level.name.lower()}: {body.name}")
    typer.echo(f"{len(made)} new; the director writes to the bot privately, then appoints and binds the groups by chat")
