"""Callers who mean no good, against a server on a real port: slow, too long, forged, replayed."""

import asyncio
import time
from pathlib import Path

import httpx
import websockets

from serving import limits
from serving.app import create_app
from serving.server import listening
from sessions import tokens
from tests.chaos.faults import Fault
from tests.serving import echo

SLOW_SECS = 2.0
SLOW_CALLERS = 50


async def network_faults(folder: Path) -> list[Fault]:
    """Every fault, against one guarded server."""
    tokens.secret()
    headers, body = limits.HEADER_SECS, limits.BODY_SECS
    limits.HEADER_SECS = limits.BODY_SECS = SLOW_SECS  # the same bounds, sooner
    try:
        app = create_app(
            bot=echo.bot,
            catalogue=lambda: [echo.CARD],
            uploads=folder / "uploads",
            loopback=True,
            guarded=True,
        )
        async with listening(app) as (url, _):
            async with httpx.AsyncClient(base_url=url, timeout=10) as http:
                return [
                    await slow_loris(url, http),
                    await too_long(http),
                    await forged(http),
                    await replayed(url, http),
                ]
    finally:
        limits.HEADER_SECS, limits.BODY_SECS = headers, body


async def slow_loris(url: str, http: httpx.AsyncClient) -> Fault:
    """Many connections that never finish what they say; another caller asks meanwhile."""
    host, port = url.removeprefix("http://").split(":")
    heads = [
        b"POST /start HTTP/1.1\r\n",
        b"POST /start HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999\r\n\r\n",
    ]

    async def dribble(number: int) -> float:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(heads[number % 2])
        began = time.monotonic()

        async def feed() -> None:
            while True:
                writer.write(b"X: y\r\n" if number % 2 == 0 else b"{")
                await asyncio.sleep(0.2)

        feeding = asyncio.create_task(feed())
        try:
            await asyncio.wait_for(reader.read(), SLOW_SECS * 5)
        except ConnectionResetError:
            pass
        finally:
            feeding.cancel()
            writer.close()
        return time.monotonic() - began

    slow = [asyncio.create_task(dribble(number)) for number in range(SLOW_CALLERS)]
    slowest = 0.0
    while not all(task.done() for task in slow):
        began = time.monotonic()
        (await http.get("/healthz")).raise_for_status()
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.05)
    held = max(await asyncio.gather(*slow))
    return Fault(
        f"{SLOW_CALLERS} connections that dribble headers or a body (slow-loris)",
        held < SLOW_SECS * 2 and slowest < 1,
        f"nothing: others were answered within {slowest * 1000:.0f} ms; the slow were sent away"
        f" after {held:.1f} s of {SLOW_SECS:.0f} allowed here (10 s and 30 s by default)",
    )


async def too_long(http: httpx.AsyncClient) -> Fault:
    """Bodies without an end, of every kind, on every path that takes one."""

    async def endless():
        for _ in range(400):
            yield b"x" * 2**16

    codes = set()
    for path in ("/start", "/start/token", "/api/offer", "/sessions/x/files", "/phone/twilio/echo"):
        for kind in ("application/json", "multipart/form-data; boundary=x"):
            try:
                answer = await http.post(path, content=endless(), headers={"Content-Type": kind})
                codes.add(answer.status_code)
            except (httpx.WriteError, httpx.ReadError):
                codes.add(413)  # the connection was closed while the rest was being sent
    return Fault("Requests of 26 MB, of every kind", codes == {413}, f"refused with {codes}")


async def forged(http: httpx.AsyncClient) -> Fault:
    """Tokens with one character changed, expired, or signed for something else."""
    good = tokens.start_token()
    tries = [good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in (0, 9, -9)]
    tries += [tokens.sign(["n", ""], -1, purpose=tokens.START), "x.y", good[:-3]]
    tries += [tokens.sign(["n", ""], 60, purpose="session")]
    codes = []
    for token in tries:
        headers = {"Authorization": f"Bearer {token}"}
        codes.append((await http.post("/start", headers=headers)).status_code)
    return Fault(f"{len(tries)} forged or expired tokens", set(codes) == {401}, "refused with 401")


async def replayed(url: str, http: httpx.AsyncClient) -> Fault:
    """A used start token, at every door, and another session's."""
    used = {"Authorization": f"Bearer {tokens.start_token()}"}
    first = await http.post("/start", headers=used)
    again = await http.post("/start", headers=used)
    other = (
        await http.post("/start", headers={"Authorization": f"Bearer {tokens.start_token()}"})
    ).json()
    where = f"/sessions/{other['sessionId']}/api/offer"
    stolen = await http.post(where, json={"sdp": "v=0\r\nm=audio"}, headers=used)
    socket = "refused"
    try:
        token = used["Authorization"].removeprefix("Bearer ")
        async with websockets.connect(url.replace("http", "ws") + f"/ws/echo/{token}"):
            socket = "opened"
    except websockets.InvalidStatus:
        pass
    codes = first.status_code, again.status_code, stolen.status_code, socket
    return Fault(
        "A start token used twice, at another door, and in another session",
        codes == (200, 401, 401, "refused"),
        "refused with 401, and the socket with 403",
    )
