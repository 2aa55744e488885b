"""The rehearsal process: all doubles and the control surface on one loopback port."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

from aiohttp import web
from loguru import logger

from services.rehearsal import (
    wire_anthropic,
    wire_cartesia,
    wire_chat,
    wire_deepgram,
    wire_elevenlabs,
    wire_flux,
    wire_gemini,
    wire_gemini_live,
    wire_realtime,
    wire_whisper,
)
from services.rehearsal.faults import faults_from
from services.rehearsal.latency import PROFILES, profile_named
from services.rehearsal.script import BOTS
from services.rehearsal.state import Rehearsal
from services.rehearsal.wire import HOUSE

HOST = "127.0.0.1"
ELEVENLABS = "/v1/text-to-speech/{voice}/multi-stream-input"
GEMINI_LIVE = "/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
MAX_BODY = 32 << 20  # bytes; the Anthropic limit for a request


def application(house: Rehearsal) -> web.Application:
    """Build the app with all wires."""
    app = web.Application(client_max_size=MAX_BODY)
    app[HOUSE] = house
    app.on_response_prepare.append(_say_it_is_scripted)
    app.router.add_get("/v1/listen", wire_deepgram.listen)
    app.router.add_get("/v2/listen", wire_flux.listen)
    app.router.add_get("/v1/realtime", wire_realtime.websocket)
    app.router.add_get("/tts/websocket", wire_cartesia.websocket)
    app.router.add_get(ELEVENLABS, wire_elevenlabs.websocket)
    app.router.add_get(GEMINI_LIVE, wire_gemini_live.websocket)
    app.router.add_post("/v1beta/models/{call}", wire_gemini.models)
    app.router.add_post("/v1/chat/completions", wire_chat.completions)
    app.router.add_post("/v1/audio/transcriptions", wire_whisper.transcriptions)
    app.router.add_post("/v1/messages", wire_anthropic.messages)
    app.router.add_post("/v1/messages/count_tokens", wire_anthropic.count_tokens)
    app.router.add_get("/_rehearsal/health", health)
    app.router.add_get("/_rehearsal/journal", journal)
    app.router.add_post("/_rehearsal/control", control)
    return app


async def _say_it_is_scripted(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["x-rehearsal"] = "scripted"


async def health(request: web.Request) -> web.Response:
    """GET /_rehearsal/health: which engines there are."""
    house = request.app[HOUSE]
    engines = {
        "ears": "pocketsphinx" if house.hears else "scripted",
        "mouth": "espeak-ng" if type(house.mouth).__name__ == "EspeakMouth" else "tone",
        "mind": "scripted",
    }
    return web.json_response({"ok": True, "scripts": str(house.scripts), **engines})


async def journal(request: web.Request) -> web.Response:
    """GET /_rehearsal/journal?session=ID: the entries, oldest first; dropped ones are counted."""
    session = request.query.get("session")
    if not session:
        return web.json_response({"error": "Name a session: ?session=ID"}, status=400)
    entries = request.app[HOUSE].visit_of(session).journal
    headers = {"x-rehearsal-dropped": str(entries.dropped)}
    return web.json_response(entries.entries(), headers=headers)


async def control(request: web.Request) -> web.Response:
    """POST /_rehearsal/control: change profile, seed or faults, of one session or of all.

    Body: ``{"session"?, "profile"?, "seed"?, "faults"?}``; faults replace those that are left.
    """
    house = request.app[HOUSE]
    try:
        body = await request.json()
        if unknown := set(body) - {"session", "profile", "seed", "faults"}:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}. Use profile, seed, faults.")
        visit = house.visit_of(body["session"]) if body.get("session") else None
        profile = profile_named(body["profile"]) if "profile" in body else None
        faults = faults_from(body["faults"]) if "faults" in body else None
    except ValueError as e:
        return web.json_response({"error": str(e)}, status=400)
    if "seed" in body:
        house.reseed(int(body["seed"]))
    if profile and visit:
        visit.own_profile = profile
    elif profile:
        house.profile = profile
    if faults is not None:
        (visit or house).faults = faults
    return web.json_response({"ok": True})


async def serve(house: Rehearsal, *, port: int = 0) -> web.AppRunner:
    """Serve on the loopback; ``runner.addresses[0]`` is (host, port). End with ``cleanup()``."""
    runner = web.AppRunner(application(house), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


async def run(house: Rehearsal, *, port: int) -> None:
    """Serve until stdin closes or a signal says so, after one JSON line with the address on stdout."""
    runner = await serve(house, port=port)
    host, port = runner.addresses[0][:2]
    print(json.dumps({"address": f"{host}:{port}"}), flush=True)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(name, over.set)

    def wait_for_the_end() -> None:
        while os.read(0, 4096):  # not sys.stdin, whose lock must be free when Python ends
            pass
        with contextlib.suppress(RuntimeError):  # over already
            loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await over.wait()
    await runner.cleanup()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m services.rehearsal", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--scripts", type=Path, default=BOTS, help="folder of the scripts")
    parser.add_argument("--profile", choices=PROFILES, default="typical")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--faults", default="[]", help='JSON: [{"vendor": "deepgram", "do": ...}]')
    parser.add_argument("--no-engines", action="store_true", help="scripted ears, a tone voice")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    try:
        faults = faults_from(json.loads(options.faults))
    except ValueError as e:
        parser.error(f"--faults: {e}")
    house = Rehearsal(
        scripts=options.scripts,
        profile=profile_named(options.profile),
        seed=options.seed,
        faults=faults,
        engines=not options.no_engines,
    )
    asyncio.run(run(house, port=options.port))
