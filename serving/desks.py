"""A session of a bot's for each program that asks, kept from one request to the next."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serving.abilities import Abilities, backstage

MOST_CLIENTS = 32


class Desks:
    """Opens a bot for each client; the one longest idle goes when there are too many."""

    def __init__(self, bot: str):
        """Begin with nobody.

        Args:
            bot: The bot's name.
        """
        self.bot = bot
        self._open: OrderedDict[str, _Desk] = OrderedDict()

    @asynccontextmanager
    async def at(self, client: str) -> AsyncIterator[Abilities]:
        """What the bot can do for a client; a nameless one has a session for this once.

        Raises:
            serving.abilities.AgentError: The bot could not be opened.
        """
        if not client:
            async with backstage(self.bot) as abilities:
                yield abilities
            return
        if client not in self._open:
            while len(self._open) >= MOST_CLIENTS:
                await self.leave(next(iter(self._open)))
            self._open[client] = _Desk(self.bot)
        self._open.move_to_end(client)
        try:
            abilities = await asyncio.shield(self._open[client].abilities)
        except Exception:
            self._open.pop(client, None)
            raise
        yield abilities

    async def leave(self, client: str) -> None:
        """End a client's session, if it has one."""
        if desk := self._open.pop(client, None):
            desk.left.set()
            await asyncio.gather(desk.task, return_exceptions=True)

    async def close(self) -> None:
        """End all of them."""
        for client in [*self._open]:
            await self.leave(client)


class _Desk:
    """One session, entered and left in a task of its own."""

    def __init__(self, bot: str):
        self.left = asyncio.Event()
        self.abilities: asyncio.Future[Abilities] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._keep(bot), name=f"desk of {bot}")

    async def _keep(self, bot: str) -> None:
        try:
            async with backstage(bot) as abilities:
                self.abilities.set_result(abilities)
                await self.left.wait()
        except Exception as error:
            if self.abilities.done():
                raise
            self.abilities.set_exception(error)
