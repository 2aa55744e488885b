"""A double of Daily's REST API: rooms, meeting tokens and dial-in, as strict as the real one."""

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "daily-key-of-the-test"


@dataclass
class DailyRest:
    """What the API was asked for. Tokens are JWTs of the properties."""

    url: str = ""
    rooms: dict[str, dict] = field(default_factory=dict)
    tokens: list[dict] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    put_through: list[dict] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)

    def rights(self, token: str) -> dict:
        """The properties a token was made with."""
        return jwt.decode(token, KEY.ljust(32), algorithms=["HS256"])


@asynccontextmanager
async def daily_rest():
    """Serve the double on 127.0.0.1."""
    daily = DailyRest()

    @web.middleware
    async def authorized(request, handler):
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": "authentication-error"}, status=401)
        if request.path.removeprefix("/v1") in daily.fails:
            return web.json_response({"error": "server-error"}, status=500)
        return await handler(request)

    async def create_room(request):
        asked = await request.json()
        name, config = asked["name"], asked.get("properties", {})
        if name in daily.rooms:
            return web.json_response({"info": f"a room named {name} already exists"}, status=400)
        if config.get("exp", time.time()) < time.time() - 1:
            return web.json_response({"info": "exp is in the past"}, status=400)
        if config.get("sip"):
            config = config | {"sip_uri": {"endpoint": f"{name}.0@daily.example"}}
        daily.rooms[name] = {
            "id": f"id-{name}",
            "name": name,
            "api_created": True,
            "privacy": asked.get("privacy", "public"),
            "url": f"https://test.daily.example/{name}",
            "created_at": "2026-01-01T00:00:00.000Z",
            "config": config,
        }
        return web.json_response(daily.rooms[name])

    async def get_room(request):
        room = daily.rooms.get(request.match_info["name"])
        return web.json_response(room or {"error": "not-found"}, status=200 if room else 404)

    async def delete_room(request):
        name = request.match_info["name"]
        if daily.rooms.pop(name, None) is None:
            return web.json_response({"error": "not-found"}, status=404)
        daily.deleted.append(name)
        return web.json_response({"deleted": True, "name": name})

    async def create_token(request):
        properties = (await request.json())["properties"]
        if properties.get("room_name") not in daily.rooms:
            return web.json_response({"info": "no such room"}, status=400)
        daily.tokens.append(properties)
        return web.json_response({"token": jwt.encode(properties, KEY.ljust(32))})

    async def put_through(request):
        asked = await request.json()
        if not all(asked.get(key) for key in ("callId", "callDomain", "sipUri")):
            return web.json_response({"error": "invalid-request-error"}, status=400)
        daily.put_through.append(asked)
        return web.json_response({})

    app = web.Application(middlewares=[authorized])
    app.add_routes(
        [
            web.post("/v1/rooms", create_room),
            web.get("/v1/rooms/{name}", get_room),
            web.delete("/v1/rooms/{name}", delete_room),
            web.post("/v1/meeting-tokens", create_token),
            web.post("/v1/dialin/pinlessCallUpdate", put_through),
        ]
    )
    async with TestServer(app) as server:
        daily.url = str(server.make_url("/v1"))
        yield daily
