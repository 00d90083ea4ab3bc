"""`linli compound …`: the five levels over a compound's buildings, and the first who may appoint the others."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings
from bot.service import opened
from domain.errors import Refusal
from domain.people import Body, Level, Role
from storage import audit, merging, people, places
from storage.database import Tx
from texts import say, wording

if TYPE_CHECKING:
    from services.merging import Part, Wanted

compound_commands = typer.Typer(help="Residential compounds.", no_args_is_help=True)


def found(tx: Tx, bot_id: str, *, compound: str, community: str, street: str, director: tuple[str, str]) -> list[Body]:
    """Every body that was missing: street, community, branch, property, and a group for each building that stands.

    director: user id on the bot's platform and name; becomes director of the community. Run again after a roster with
    new buildings, it adds their groups.
    """
    known = merging.find(tx, compound)
    if known and known.merged_into:
        raise Refusal("merging.gone", name=compound, into=merging.get(tx, known.merged_into).name)
    compound_id = known.id if known else places.add_compound(tx, compound)
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

    try:
        made = asyncio.run(work())
    except Refusal as refusal:
        raise fail(say(refusal.code, **refusal.data), 1) from None
    for body in made:
        typer.echo(f"{body.level.name.lower()}: {body.name}")
    typer.echo(f"{len(made)} new; the director writes to the bot privately, then appoints and binds the groups by chat")


@compound_commands.command("list", epilog="Example: linli compound list")
def show(config: ConfigFile = None) -> None:
    """The compounds with their buildings and homes, and those that were merged."""
    settings = load_settings(config)

    async def work() -> list[merging.Listed]:
        async with opened(settings.database.url) as database:
            return await database.read(merging.compounds)

    there = asyncio.run(work())
    names = {each.id: each.name for each in there}
    for each in there:
        if each.merged_into and each.merged_at:
            day = each.merged_at.astimezone(settings.rules.zone).date().isoformat()
            typer.echo(say("merging.list_merged", name=each.name, day=day, into=names[each.merged_into]))
        else:
            typer.echo(say("merging.list_line", name=each.name, buildings=each.buildings, homes=each.homes))
    if not there:
        typer.echo(say("merging.list_none"))


@compound_commands.command("merge", epilog="Example: linli compound merge 通湖小区 西苑小区 --rename 西苑小区:3=13")
def merge(
    into: Annotated[str, typer.Argument(help="The compound that stays.")],
    parts: Annotated[list[str], typer.Argument(metavar="FROM...", help="Those that become part of it.")],
    rename: Annotated[
        list[str] | None, typer.Option(help="FROM:3=13: a building whose number is taken gets another; repeatable.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make one compound of several; every history stays. Shows what it does, asks, then does it."""
    from services.merging import Wanted

    renames = {}
    for each in rename or []:
        name, _, numbers = each.rpartition(":")
        old, _, new = numbers.partition("=")
        if not (name.strip() and old.strip() and new.strip()):
            raise fail(say("merging.rename_unknown", rename=each))
        renames[name.strip(), old.strip()] = new.strip()
    wanted = Wanted(into.strip(), tuple(part.strip() for part in parts), renames)
    asyncio.run(_merge(config, wanted, yes))


async def _merge(config: Path | None, wanted: "Wanted", yes: bool) -> None:
    from services import merging as service

    settings = load_settings(config)
    bot_id, rules = settings.bot.id, settings.rules
    async with opened(settings.database.url) as database:
        try:
            told = await service.preview(database, wanted, now=datetime.now(UTC), bot_id=bot_id, rules=rules)
            typer.echo("\n".join(_shown(wanted.into, told)))
            due = not all(part.done for part in told)
            if due and not yes and not await asyncio.to_thread(typer.confirm, say("merging.ask")):
                raise fail(say("merging.not_merged"), 1)
            done = await service.merge(database, wanted, now=datetime.now(UTC), bot_id=bot_id, rules=rules)
        except Refusal as refusal:
            raise fail(say(refusal.code, **refusal.data), 1) from None
    typer.echo(say("merging.merged", count=len(done), name=wanted.into) if done else say("merging.nothing"))


def _shown(into: str, parts: Sequence["Part"]) -> list[str]:
    """What a merge would do, in lines."""
    lines = [say("merging.into", name=into)]
    for part in parts:
        if part.done:
            lines.append(say("merging.part_done", name=part.name))
            continue
        count = part.counts
        facts = {"buildings": count.buildings, "homes": count.homes, "chats": count.chats, "tickets": count.tickets}
        lines.append(say("merging.part", name=part.name, **facts))
        lines += [say("merging.renamed", old=old, new=new) for _, old, new in part.renamed]
        lines += [say("merging.ending", name=each.held.name, office=each.office) for each in part.ending]
        if part.moves_to:
            lines.append(say("merging.community", old=part.moves_to[0], new=part.moves_to[1]))
        if part.branch and part.branch_has_chat:
            lines.append(say("merging.quiet_chat", branch=part.branch.name))
        if part.firms:
            lines.append(say("merging.firms", names=wording.listed(list(part.firms))))
        if part.committees:
            lines.append(say("merging.committees", names=wording.listed(list(part.committees))))
    return lines
