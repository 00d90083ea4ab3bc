"""`linli wechat …`."""

import asyncio
from typing import Any

import typer

from bot.commands.surroundings import ConfigFile, fail, load_settings

wechat_commands = typer.Typer(help="The bot's WeChat account.", no_args_is_help=True)


@wechat_commands.command("login", epilog="Example: linli wechat login --config config.toml")
def wechat_login(config: ConfigFile = None) -> None:
    """Log the account in at the gateway: shows the code to scan with the phone."""
    from dataclasses import replace

    from bot.service import platform_transport
    from bot.wechat_gateway import draw

    settings = load_settings(config)
    settings = replace(settings, bot=replace(settings.bot, transport="wechat"))
    transport: Any = platform_transport(settings)
    typer.echo("asking the gateway for a code to scan …")
    try:
        account = asyncio.run(transport.login(lambda code: typer.echo(draw(code))))
    except Exception as error:
        raise fail(f"{error} (`linli doctor` says what to do)", 1) from None
    typer.echo(f"logged in: {account}. Now start linli run.")
