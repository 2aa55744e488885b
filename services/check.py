"""Which vendors a session could be cast with right now, and what is missing for the others.

Only a vendor whose key is set is contacted, with one request that changes and costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Literal

import aiohttp
from pipecat.utils.errors import extract_http_status_code

from services.addresses import (
    NO_KEY,
    VENDORS,
    Address,
    CastingError,
    Vendor,
    is_rehearsed,
    resolve,
)
from sessions.policy import OPEN

TIMEOUT_SECS = 5.0
STAGES = ("stt", "llm", "tts", "speech")

State = Literal["live", "on-prem", "rehearsed", "unset", "refused", "unreachable", "not installed"]


@dataclass(frozen=True, kw_only=True)
class VendorCheck:
    """What is known of one vendor.

    Parameters:
        name: The vendor's name in a casting.
        state: Whether it can be cast, and how.
        detail: What was found.
        cure: What to do about it; empty when there is nothing to do.
    """

    name: str
    state: State
    detail: str
    cure: str = ""


async def check_vendors(*, voices: Iterable[str] = ()) -> list[VendorCheck]:
    """Look at every vendor there is, all at once.

    Args:
        voices: Castings of mouths, such as ``cartesia/<voice-id>``, whose voices are looked
            up with their vendor.

    Returns:
        A row for each vendor, by name; within ``TIMEOUT_SECS`` of the slowest answer.
    """
    wanted: dict[str, list[str]] = {}
    for casting in voices:
        vendor, _, voice = casting.partition("/")
        wanted.setdefault(vendor, []).append(voice)
    checks = [_check(name, known, wanted.get(name, [])) for name, known in sorted(VENDORS.items())]
    return await asyncio.gather(*checks)


async def _check(name: str, known: Vendor, voices: list[str]) -> VendorCheck:
    if not _installed(known.module):
        extra = f"[{known.extra}]" if known.extra else ""
        return VendorCheck(
            name=name,
            state="not installed",
            detail=f"{known.module} cannot be imported",
            cure=f".venv/bin/python -m pip install -c constraints.txt '.{extra}'",
        )
    stages = [stage for stage in STAGES if stage in known.doubled]
    if stages and is_rehearsed(name, stage=stages[0]):
        return VendorCheck(
            name=name,
            state="rehearsed",
            detail=f"{known.key} is not set; a scripted double stands in for it as {', '.join(stages)}",
            cure=f"Set {known.key} in .env to reach {name} itself",
        )
    try:
        anyone = SimpleNamespace(policy=OPEN)
        address = resolve(name, session=anyone, stage="")
    except CastingError as e:
        unset = "is not set, and the rehearsal" in str(e)
        detail = f"{known.key} is not set" if unset else str(e)
        cure = f"Set {known.key} in .env" if unset else f"See {known.key} and {known.url} in .env"
        return VendorCheck(
            name=name, state="unset" if unset else "refused", detail=detail, cure=cure
        )
    if address.key == NO_KEY:
        return VendorCheck(
            name=name, state="on-prem", detail=f"{known.url} is {address.http}; not contacted"
        )
    return await _contact(name, known, address, voices)


async def _contact(name: str, known: Vendor, address: Address, voices: list[str]) -> VendorCheck:
    try:
        async with asyncio.timeout(TIMEOUT_SECS):
            found = await _ASK[name](address, voices)
    except Exception as e:
        status = extract_http_status_code(e)
        if status in (401, 403):
            return VendorCheck(
                name=name,
                state="refused",
                detail=f"{name} does not accept the key (status {status})",
                cure=f"Replace {known.key} in .env",
            )
        if status == 404 and voices:
            return VendorCheck(
                name=name,
                state="refused",
                detail=f"{name} knows no voice {', '.join(voices)}",
                cure="Cast a voice that this key may use",
            )
        slow = isinstance(e, TimeoutError)
        return VendorCheck(
            name=name,
            state="unreachable",
            # The exception's own text may quote the request's headers, key included.
            detail=f"no answer in {TIMEOUT_SECS:g} s"
            if slow
            else f"status {status or '-'}, {type(e).__name__}",
            cure=f"Check the network, a proxy, and {known.url}, which is {address.http}",
        )
    return VendorCheck(name=name, state="live", detail=f"{found} at {address.http}")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


async def _ask_anthropic(address: Address, voices: list[str]) -> str:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key=address.key, base_url=address.http, max_retries=0) as client:
        await client.models.list(limit=1)
    return "key accepted"


async def _ask_cartesia(address: Address, voices: list[str]) -> str:
    from cartesia import AsyncCartesia

    async with AsyncCartesia(api_key=address.key, base_url=address.http, max_retries=0) as client:
        names = [(await client.voices.get(voice)).name for voice in voices]
        if not names:
            await client.voices.list(limit=1)
    return f"key accepted, voice {', '.join(names)}" if names else "key accepted"


async def _ask_deepgram(address: Address, voices: list[str]) -> str:
    return await _get(f"{address.http}/v1/projects", {"Authorization": f"Token {address.key}"})


async def _ask_elevenlabs(address: Address, voices: list[str]) -> str:
    for path in [f"voices/{voice}" for voice in voices] or ["models"]:
        await _get(f"{address.http}/v1/{path}", {"xi-api-key": address.key})
    return "key accepted"


async def _ask_google(address: Address, voices: list[str]) -> str:
    return await _get(f"{address.http}/v1beta/models", {"x-goog-api-key": address.key})


async def _ask_openai(address: Address, voices: list[str]) -> str:
    return await _get(f"{address.http}/models", {"Authorization": f"Bearer {address.key}"})


async def _get(url: str, headers: dict[str, str]) -> str:
    async with (
        aiohttp.ClientSession(trust_env=True) as http,
        http.get(url, headers=headers, allow_redirects=False) as response,
    ):
        response.raise_for_status()
    return "key accepted"


_ASK: dict[str, Callable[[Address, list[str]], Awaitable[str]]] = {
    "anthropic": _ask_anthropic,
    "cartesia": _ask_cartesia,
    "deepgram": _ask_deepgram,
    "elevenlabs": _ask_elevenlabs,
    "google": _ask_google,
    "openai": _ask_openai,
}
