"""No secret and no token is found in what a server logs, counts or answers."""

import asyncio
import io
import logging

import httpx
import pytest
import websockets
from loguru import logger

from serving.server import listening
from sessions import tokens
from tests.security.conftest import bearer

CANARIES = {
    name: f"canary{number}-{'Zq7' * 8}"
    for number, name in enumerate(
        [
            *("VIVACE_SECRET", "VIVACE_START_KEY", "VIVACE_READINGS_KEY", "VIVACE_ALERT_SECRET"),
            *("TWILIO_AUTH_TOKEN", "PLIVO_AUTH_TOKEN", "EXOTEL_WEBHOOK_PASSWORD"),
            *("ANTHROPIC_API_KEY", "DEEPGRAM_API_KEY", "CARTESIA_API_KEY", "OPENAI_API_KEY"),
        ]
    )
}


@pytest.fixture
def logs():
    """Everything that is logged while the test runs, from DEBUG on; the libraries' from INFO on."""
    text = io.StringIO()
    sink = logger.add(text, level="DEBUG", diagnose=False, backtrace=False)
    handler = logging.StreamHandler(text)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client
    yield text
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    root.setLevel(level)
    root.removeHandler(handler)
    logger.remove(sink)


async def test_what_went_by_is_in_no_log_figure_or_answer(make_app, monkeypatch, logs):
    for name, secret in CANARIES.items():
        monkeypatch.setenv(name, secret)

    async def bot(runner_args):
        raise RuntimeError("The vendor refused Authorization: Bearer " + "sk-" + "a" * 40)

    shown = set(CANARIES.values()) | {"sk-" + "a" * 40}
    answers = []
    async with listening(make_app(bot)) as (url, _), httpx.AsyncClient(base_url=url) as http:
        socket, key = url.replace("http", "ws"), bearer(CANARIES["VIVACE_START_KEY"])

        async def ask(method, path, **content):
            answer = await http.request(method, path, **content)
            answers.append(answer)
            return answer

        for attempt in range(3):
            given = (await http.post("/start/token", json={}, headers=key)).json()["token"]
            shown.add(given)
            await ask("POST", "/start", headers=bearer(given[:-3]))
            asked = {"transport": "websocket", "body": {"secret": CANARIES["VIVACE_ALERT_SECRET"]}}
            started = (await http.post("/start", json=asked, headers=bearer(given))).json()
            shown.add(started["sessionToken"])
            await ask("POST", started["fileUploadUrl"], files={"file": ("x.exe", b"MZ")})
            async with websockets.connect(started["wsUrl"]) as ws:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await asyncio.wait_for(ws.recv(), 5)
                answers.append(closed.value.rcvd)
        stream = tokens.start_token()
        shown.add(stream)
        async with websockets.connect(f"{socket}/ws/echo/{stream}"):
            pass
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(f"{socket}/ws/echo/{stream}")
        await ask("POST", "/phone/twilio/echo", data={"CallSid": CANARIES["PLIVO_AUTH_TOKEN"]})
        await ask("GET", "/phone/exotel/echo", headers={"Authorization": "Basic x"})
        await ask("POST", "/start", json={"body": CANARIES["OPENAI_API_KEY"]})
        for path in ("/metrics", "/bots", "/healthz", "/readyz", "/status", "/"):
            await ask("GET", path)
    text = logs.getvalue()
    assert "failed: RuntimeError" in text
    told = "".join(getattr(a, "text", "") or getattr(a, "reason", "") for a in answers)
    for secret in shown:
        assert secret not in text
        assert secret not in told
