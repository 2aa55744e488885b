"""The switchboard's HTTP app: Pipecat's contract, our page, and nothing from other hosts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pipecat.utils.file_storage import FileStorage, LocalFileStorage
from prometheus_client import CONTENT_TYPE_LATEST

from serving.cards import BotCard, Catalogue
from serving.daily_rooms import DailyRooms
from serving.dialin import dialin_router
from serving.engine.load import Limits
from serving.handover import Predecessors
from serving.keepsakes import keepsake_router
from serving.limits import Turnstile
from serving.livekit_rooms import LiveKitRooms
from serving.offers import offer_router
from serving.phone import phone_router
from serving.readings import readings_router
from serving.rooms import room_door
from serving.shield import Shield
from serving.sockets import socket_router
from serving.start import start_router
from serving.switchboard import Bot, Switchboard
from serving.tokens import Doorkeeper
from serving.uploads import upload_router
from serving.webrtc import use_loopback_only

WEB = Path(__file__).parents[1] / "web"
UPLOAD_LIMIT = 10 * 2**20


def in_words(error: RequestValidationError) -> str:
    """What is wrong with a request, without what it said: that may be a caller's, or no text."""
    faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return ascii("This request cannot be read. " + "; ".join(faults[:5]))[1:-1]


def create_app(
    *,
    bot: Bot | None,
    catalogue: Catalogue,
    uploads: Path,
    routers: Sequence[APIRouter] = (),
    socket_body: Mapping[str, Any] | None = None,
    ice_servers: Sequence[Mapping[str, Any]] = (),
    loopback: bool = False,
    allowed_origins: Sequence[str] = (),
    hosts: Sequence[str] | None = (),
    limit: int = 24,
    limits: Limits | None = None,
    engine: Callable[[FileStorage], Switchboard] | None = None,
    upload_limit: int = UPLOAD_LIMIT,
    candid: bool = False,
    guarded: bool = False,
    web: Path = WEB,
) -> FastAPI:
    """Build the app.

    Args:
        bot: The bot function; ``runner_args.body["bot"]`` says which bot is meant. Not needed
            beside an ``engine``.
        catalogue: Lists the bots there are, asked anew each time.
        uploads: Folder for callers' documents; each stays for the length of its session.
        routers: Further routes, such as QA pages.
        socket_body: Session body of callers on ``/ws`` (an eval's ``--runner-body``).
        ice_servers: STUN and TURN servers (``urls``, ``username``, ``credential``) for both ends.
            None by default: a STUN server learns the caller's address.
        loopback: Keep all media on this machine.
        allowed_origins: Other origins whose pages may call.
        hosts: This server's names besides loopback's; ``None`` takes any.
        limit: Most sessions at a time.
        limits: How busy the process may be and still take a caller; ``None`` for any.
        engine: Makes what runs the sessions; ``bot`` in this process otherwise.
        upload_limit: Most bytes of a document.
        guarded: Whether callers need tokens, and are counted: wherever others than this machine
            can reach the server.
        candid: Tell callers the text of a bot's fault; for development.
        web: Folder of the page.

    Returns:
        The app; its sessions are in ``app.state.switchboard``.
    """
    if loopback:
        use_loopback_only()
    storage = LocalFileStorage(str(uploads), max_files=0)
    if engine:
        switchboard = engine(storage)
    else:
        assert bot, "without an engine, the bot runs in this process"
        switchboard = Switchboard(
            bot,
            storage=storage,
            ice_servers=ice_servers,
            limit=limit,
            limits=limits,
            candid=candid,
        )

    doors = {"daily": room_door(DailyRooms), "livekit": room_door(LiveKitRooms)}

    keeper = Doorkeeper(guarded=guarded)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        await switchboard.open()
        yield
        await switchboard.close()

    app = FastAPI(title="Vivace", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.switchboard = switchboard
    app.state.port = 0
    app.add_middleware(Predecessors, switchboard=switchboard, port=lambda: app.state.port)
    for layer in switchboard.layers:
        app.add_middleware(layer)
    app.add_middleware(Turnstile, counted=guarded, upload_limit=upload_limit)
    app.add_middleware(Shield, allowed=allowed_origins, hosts=hosts)
    if allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=["*"],
            allow_headers=["*"],
        )

    @app.exception_handler(RequestValidationError)
    async def unreadable(_request, error: RequestValidationError):
        return JSONResponse({"detail": in_words(error)}, 422)

    @app.get("/healthz")
    async def healthz():
        return {"status": "ok", "sessions": len(switchboard)}

    @app.get("/readyz")
    async def readyz():
        why = switchboard.refusal
        return JSONResponse({"ready": not why, "why": why}, 503 if why else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics():
        return Response(switchboard.metrics(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/bots")
    async def bots() -> list[BotCard]:
        return catalogue()

    @app.get("/hosts")
    async def hosts_there_are():
        return []  # several answer for themselves: serving.engine.signposts

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(web / "index.html")

    for router in (
        start_router(switchboard, catalogue, keeper=keeper, doors=doors, ice_servers=ice_servers),
        upload_router(switchboard, keeper=keeper, limit=upload_limit),
        readings_router(switchboard),
        keepsake_router(switchboard),
        offer_router(switchboard, catalogue, keeper=keeper),
        socket_router(switchboard, catalogue, keeper=keeper, body=socket_body or {}),
        phone_router(catalogue, media_url=switchboard.media_url, stream_path=keeper.stream_path),
        dialin_router(catalogue, rooms=DailyRooms),
        *routers,
    ):
        app.include_router(router)
    app.mount("/web", StaticFiles(directory=web))
    return app
