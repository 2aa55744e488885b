"""The switchboard's HTTP app: Pipecat's contract, our page, and nothing from other hosts."""

from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import RTCIceServer
from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pipecat.utils.file_storage import LocalFileStorage

from serving.cards import BotCard, Catalogue
from serving.daily_rooms import DailyRooms
from serving.dialin import dialin_router
from serving.livekit_rooms import LiveKitRooms
from serving.offers import offer_router
from serving.phone import phone_router
from serving.rooms import room_door
from serving.shield import Shield
from serving.sockets import socket_router
from serving.start import start_router
from serving.switchboard import Bot, Switchboard
from serving.uploads import upload_router
from serving.webrtc import CallerRequestHandler, use_loopback_only

WEB = Path(__file__).parents[1] / "web"
UPLOAD_LIMIT = 10 * 2**20


def create_app(
    *,
    bot: Bot,
    catalogue: Catalogue,
    uploads: Path,
    routers: Sequence[APIRouter] = (),
    socket_body: Mapping[str, Any] | None = None,
    ice_servers: Sequence[Mapping[str, Any]] = (),
    loopback: bool = False,
    allowed_origins: Sequence[str] = (),
    hosts: Sequence[str] | None = (),
    limit: int = 6,
    upload_limit: int = UPLOAD_LIMIT,
    candid: bool = False,
    web: Path = WEB,
) -> FastAPI:
    """Build the app.

    Args:
        bot: The bot function; ``runner_args.body["bot"]`` says which bot is meant.
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
        upload_limit: Most bytes of a document.
        candid: Tell callers the text of a bot's fault; for development.
        web: Folder of the page.

    Returns:
        The app; its sessions are in ``app.state.switchboard``.
    """
    if loopback:
        use_loopback_only()
    storage = LocalFileStorage(str(uploads), max_files=0)
    switchboard = Switchboard(bot, storage=storage, limit=limit, candid=candid)
    handler = CallerRequestHandler(
        ice_servers=[RTCIceServer(**server) for server in ice_servers] or None
    )

    doors = {"daily": room_door(DailyRooms), "livekit": room_door(LiveKitRooms)}

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
        await switchboard.close()
        await handler.close()

    app = FastAPI(title="Vivace", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.switchboard = switchboard
    app.add_middleware(Shield, allowed=allowed_origins, hosts=hosts)
    if allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=["*"],
            allow_headers=["*"],
        )

    @app.get("/healthz")
    async def healthz():
        return {"status": "ok", "sessions": len(switchboard)}

    @app.get("/bots")
    async def bots() -> list[BotCard]:
        return catalogue()

    @app.get("/", include_in_schema=False)
    async def page():
        return FileResponse(web / "index.html")

    for router in (
        start_router(switchboard, catalogue, doors=doors, ice_servers=ice_servers),
        upload_router(switchboard, limit=upload_limit),
        offer_router(switchboard, catalogue, handler),
        socket_router(switchboard, catalogue, body=socket_body or {}),
        phone_router(catalogue),
        dialin_router(catalogue, rooms=DailyRooms),
        *routers,
    ):
        app.include_router(router)
    app.mount("/web", StaticFiles(directory=web))
    return app
