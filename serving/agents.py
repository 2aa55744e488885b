"""Bots as A2A agents: a card for each, and answers in writing to those who may ask.

    python -m serving.agents BOT --port 9999    one bot, at the root of that port
    python -m serving.agents --port 9999        every bot, each under its name

Both speak JSON-RPC and HTTP+JSON (A2A 1.0). Cards are open; everything else needs a token: the
house's own agents sign theirs with ``VIVACE_SECRET``, others send that of ``VIVACE_AGENT_TOKEN``.
``--open`` asks nobody for one, on this machine only: for a conformance suite.
"""

import argparse
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from uuid import uuid4

from a2a.helpers import get_data_parts, get_message_text, new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.server.routes import (
    create_agent_card_routes,
    create_jsonrpc_routes,
    create_rest_routes,
)
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    Part,
    SecurityRequirement,
    SecurityScheme,
    StringList,
    Task,
)
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH
from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse
from loguru import logger
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

import bots
from serving.abilities import AgentError
from serving.desks import Desks
from tools.bearer import Bearer, one_of
from tools.delegations import Delegation, DelegationError, for_another, is_signed, take

VARIABLE, URL_VARIABLE = "VIVACE_AGENT_TOKEN", "VIVACE_AGENTS_URL"
VERSION = "1.0"
REST = "/rest"
MOST_TASKS = 500
NOTHING = "There is nothing to do in this message. Send a text."


def card_of(bot: str, *, url: str, guarded: bool = True) -> AgentCard:
    """What others may know of a bot.

    Args:
        bot: The bot's name.
        url: Where it answers, without a slash at the end.
        guarded: Whether it wants a token.

    Raises:
        bots.UnknownBot: There is none of that name.
    """
    policy = bots.load(bot).POLICY
    about = bots.about(bot)
    card = AgentCard(
        name=bot,
        description=f"{about} It is an AI. Policy: {policy.name}.",
        version=VERSION,
        supported_interfaces=[
            AgentInterface(url=f"{url}/", protocol_binding="JSONRPC", protocol_version=VERSION),
            AgentInterface(
                url=f"{url}{REST}", protocol_binding="HTTP+JSON", protocol_version=VERSION
            ),
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False),
        default_input_modes=["text/plain", "application/json"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id=bot, name=bot.replace("_", " "), description=about, tags=[bot])],
    )
    if guarded:
        bearer = SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="bearer"))
        card.security_schemes["bearer"].CopyFrom(bearer)
        card.security_requirements.append(SecurityRequirement(schemes={"bearer": StringList()}))
    return card


class RecentTasks(InMemoryTaskStore):
    """Tasks in memory, the newest only: they hold what was asked."""

    def __init__(self):
        """Begin with none."""
        super().__init__()
        self._recent: OrderedDict[str, ServerCallContext] = OrderedDict()

    async def save(self, task: Task, context: ServerCallContext) -> None:
        """Keep a task, and let go of the oldest when there are too many."""
        await super().save(task, context)
        self._recent[task.id] = context
        self._recent.move_to_end(task.id)
        while len(self._recent) > MOST_TASKS:
            await self.delete(*self._recent.popitem(last=False))


class BotExecutor(AgentExecutor):
    """Has a bot do what a message asks. Messages of one A2A context are one conversation."""

    def __init__(self, desks: Desks):
        """Work at these desks."""
        self._desks = desks

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Answer one message: the task, what is done on the way, the answer in pieces, its end."""
        message = context.message
        assert message and context.task_id and context.context_id
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(message))
        await updater.start_work()
        said = partial(_say, updater)
        artifact, pieces = uuid4().hex, 0
        left: Delegation | None = None
        known: frozenset[str] = frozenset()

        async def hear(text: str) -> None:
            nonlocal pieces
            if left:
                text = for_another(text, left, known=known)
            part = [Part(text=text)]
            await updater.add_artifact(part, artifact_id=artifact, append=pieces > 0)
            pieces += 1

        async def note(text: str) -> None:
            await updater.start_work(said(text))

        key = next((d["delegation"] for d in get_data_parts(message.parts) if _is_key(d)), None)
        text = get_message_text(message)
        if not (key or text.strip()):
            await updater.requires_input(said(NOTHING))
            return
        try:
            # Whoever hands over identifiers of one caller is given a desk for that task alone.
            async with self._desks.at("" if key else context.context_id) as bot:
                if key:
                    left = await take(bot.session, key)
                    text = left.text()
                    if phi := bot.session.phi:
                        known = frozenset(entry.surrogate for entry in phi.vault)
                by_caller = left is None or not left.tainted
                await bot.answer(text, by_caller=by_caller, hear=hear, note=note)
        except (AgentError, DelegationError, TimeoutError) as error:
            logger.warning(f"Agent {self._desks.bot}: {type(error).__name__}")
            await updater.failed(said(str(error) or "It took too long."))
            return
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """The work has been cut off already; what was left of it ends here."""
        assert context.task_id and context.context_id
        await self._desks.leave(context.context_id)
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def _is_key(data) -> bool:
    return isinstance(data, dict) and isinstance(data.get("delegation"), str)


def _say(updater: TaskUpdater, text: str):
    return updater.new_agent_message([Part(text=text)])


def app_of(
    bot: str,
    *,
    url: str,
    token: str = "",
    guarded: bool = True,
    executor: AgentExecutor | None = None,
) -> Starlette:
    """One bot as an A2A agent.

    Args:
        bot: The bot's name.
        url: Where it answers, without a slash at the end.
        token: What clients from elsewhere send as ``Authorization: Bearer``; none, if empty.
        guarded: Whether a token is needed.
        executor: Who answers, if not the bot.
    """
    desks = Desks(bot)
    card = card_of(bot, url=url, guarded=guarded)
    handler = DefaultRequestHandler(
        agent_executor=executor or BotExecutor(desks),
        task_store=RecentTasks(),
        agent_card=card,
    )
    routes: Sequence[BaseRoute] = [
        *create_agent_card_routes(card),
        *create_jsonrpc_routes(handler, rpc_url="/"),
        *create_rest_routes(handler, path_prefix=REST),
    ]

    @asynccontextmanager
    async def lifespan(_app):
        async with AsyncExitStack() as stack:
            stack.push_async_callback(desks.close)
            yield

    app = Starlette(routes=routes, lifespan=lifespan)
    if guarded:
        from_elsewhere = one_of(token)
        app.add_middleware(
            Bearer,  # type: ignore[arg-type]
            good=lambda given: from_elsewhere(given) or is_signed(given, to=bot),
            is_open=lambda path: path.endswith(AGENT_CARD_WELL_KNOWN_PATH),
        )
    return app


def fleet(names: Sequence[str], *, url: str, token: str = "", guarded: bool = True) -> Starlette:
    """Several bots as A2A agents, each under its name.

    Args:
        names: The bots'.
        url: Where they answer, without a slash at the end.
        token: What clients from elsewhere send as ``Authorization: Bearer``; none, if empty.
        guarded: Whether a token is needed.
    """
    apps = {name: app_of(name, url=f"{url}/{name}", token=token, guarded=guarded) for name in names}

    @asynccontextmanager
    async def lifespan(_app):
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return Starlette(routes=[Mount(f"/{n}", app=a) for n, a in apps.items()], lifespan=lifespan)


def card_router(url: str) -> APIRouter:
    """The cards of all bots, at the switchboard: they point to where the agents are served.

    Args:
        url: Where :func:`fleet` is served, without a slash at the end.
    """
    router = APIRouter()

    @router.get("/agents/{bot}" + AGENT_CARD_WELL_KNOWN_PATH)
    async def card(bot: str) -> JSONResponse:
        if bot not in bots.names():
            raise HTTPException(404, f"There is no bot {bot!r}.")
        return JSONResponse(agent_card_to_dict(card_of(bot, url=f"{url}/{bot}")))

    return router


def main(argv: list[str]) -> int:
    """Serve until Ctrl-C."""
    import uvicorn

    from services.rehearsal.process import rehearsal
    from sessions.store import store_by_default

    parser = argparse.ArgumentParser(prog="python -m serving.agents", description=__doc__)
    parser.add_argument("bot", nargs="?", choices=bots.names())
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--url", help="where others reach it; http://HOST:PORT otherwise")
    parser.add_argument("--open", action="store_true", help="ask nobody for a token")
    args = parser.parse_args(argv)
    logger.remove()
    logger.add(sys.stderr, level="WARNING", diagnose=False, backtrace=False)
    if args.open and args.host not in ("127.0.0.1", "localhost", "::1"):
        print("--open is for this machine only. Leave out --host, or --open.", file=sys.stderr)
        return 2
    store_by_default(bots.FOLDER.parent / "state" / "sessions.db")
    rehearsal()
    url = args.url or f"http://{args.host}:{args.port}"
    guard = {"token": os.environ.get(VARIABLE, ""), "guarded": not args.open}
    app = app_of(args.bot, url=url, **guard) if args.bot else fleet(bots.names(), url=url, **guard)
    print(f"{args.bot or 'Agents'} at {url}", flush=True)
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
