"""Where every model vendor is reached, and with which key: the one place that decides.

A vendor's key set in the environment means the vendor itself. A key that is absent means
the rehearsal, where it has a double of the vendor. ``<VENDOR>_URL`` style overrides move a
vendor to a region, a proxy or a machine of one's own; who is really behind the address
decides what the policy has to say about it.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from loguru import logger

from services.hosts import is_loopback, is_private
from sessions.policy import ON_PREM

NO_KEY = "none"


class CastingError(ValueError):
    """A service cannot be cast as asked. The message says what there is and what to do."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """What is known of a vendor before any of its code is imported.

    Parameters:
        live: Its public address, as its own SDK spells it (OpenAI's carries ``/v1``).
        domain: Hosts below this domain are the vendor's.
        key: The environment variable of its key.
        url: The environment variable that overrides its address.
        doubled: The stages of it that the rehearsal can stand in for.
        module: What must be importable to cast it.
        extra: The optional dependency of this project that brings it; empty for the base.
    """

    live: str
    domain: str
    key: str
    url: str
    module: str
    doubled: frozenset[str] = frozenset()
    extra: str = ""


VENDORS = {
    "anthropic": Vendor(
        live="https://api.anthropic.com",
        domain="anthropic.com",
        key="ANTHROPIC_API_KEY",
        url="ANTHROPIC_BASE_URL",
        module="anthropic",
        doubled=frozenset({"llm"}),
    ),
    "cartesia": Vendor(
        live="https://api.cartesia.ai",
        domain="cartesia.ai",
        key="CARTESIA_API_KEY",
        url="CARTESIA_URL",
        module="websockets",
        doubled=frozenset({"tts"}),
    ),
    "deepgram": Vendor(
        live="https://api.deepgram.com",
        domain="deepgram.com",
        key="DEEPGRAM_API_KEY",
        url="DEEPGRAM_URL",
        module="deepgram",
        doubled=frozenset({"stt"}),
    ),
    "elevenlabs": Vendor(
        live="https://api.elevenlabs.io",
        domain="elevenlabs.io",
        key="ELEVENLABS_API_KEY",
        url="ELEVENLABS_URL",
        module="websockets",
        doubled=frozenset({"tts"}),
    ),
    "google": Vendor(
        live="https://generativelanguage.googleapis.com",
        domain="googleapis.com",
        key="GOOGLE_API_KEY",
        url="GOOGLE_BASE_URL",
        module="google.genai",
        doubled=frozenset({"llm", "speech"}),
        extra="realtime",
    ),
    "openai": Vendor(
        live="https://api.openai.com/v1",
        domain="openai.com",
        key="OPENAI_API_KEY",
        url="OPENAI_BASE_URL",
        module="openai",
        doubled=frozenset({"llm", "speech", "stt"}),
        extra="realtime",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where one service connects, and as whom.

    Parameters:
        vendor: Who is behind it: a vendor's name, ``on-prem``, or a public host's name.
        http: Its address for requests, without a trailing slash.
        ws: The same address for sockets.
        key: What it is told as the key; ``none`` where none is needed.
        rehearsed: Whether it is a local double, and the key no secret.
    """

    vendor: str
    http: str
    ws: str
    key: str
    rehearsed: bool = False

    def __repr__(self):
        return f"Address({self.vendor} at {self.http}{', rehearsed' if self.rehearsed else ''})"


def resolve(vendor: str, *, session, stage: str, url: str = "") -> Address:
    """Decide where a service of this session connects, and refuse what must not happen.

    Args:
        vendor: A name in ``VENDORS``.
        session: The session the service is cast for. A rehearsed vendor adds itself to
            ``session.rehearsal``.
        stage: ``"stt"``, ``"llm"``, ``"tts"`` or ``"speech"``.
        url: The endpoint a casting names itself (an on-prem server speaking this
            vendor's protocol); empty for the vendor's own.

    Raises:
        CastingError: When a key is missing and nothing can stand in, or when a real key
            would go to this machine or over an open line.
        VendorNotAllowed: When the session's policy has no agreement with who is there.
    """
    known = VENDORS[vendor]
    if url:
        owner = _owner(_host(url, named="The casting"))
        return _at(url, owner, session) if owner in VENDORS else _named(url, owner, session)
    if override := _env(known.url):
        return _at(override, vendor, session)
    if _env(known.key):
        return _at(known.live, vendor, session)
    if is_rehearsed(vendor, stage=stage):
        return _rehearsed(vendor, session)
    rehearsable = sorted(name for name, other in VENDORS.items() if stage in other.doubled)
    raise CastingError(
        f"{known.key} is not set, and the rehearsal cannot stand in for {vendor} as {stage}. "
        f"Add the key to .env, or cast {', '.join(rehearsable)}, which rehearses without one."
    )


def is_rehearsed(vendor: str, *, stage: str) -> bool:
    """Whether the rehearsal would stand in for a vendor, as the environment is now."""
    known = VENDORS[vendor]
    return stage in known.doubled and not _env(known.url) and not _env(known.key)


def require_address(asked: str, got: object, *, vendor: str) -> None:
    """Refuse a client that would connect elsewhere than it was told to.

    Deepgram's service, for one, falls back to the vendor's public host when it cannot
    build the address it was given.

    Raises:
        CastingError: When the two differ.
    """
    if asked.rstrip("/") != str(got).rstrip("/"):
        raise CastingError(
            f"{vendor} was to be reached at {asked}, but its client would connect to {got}. "
            "Nothing was sent. Check the address, and the version of the vendor's SDK."
        )


def _at(url: str, vendor: str, session) -> Address:
    """The address of a known vendor's protocol at ``url``, whoever runs it."""
    known = VENDORS[vendor]
    owner = _owner(_host(url, named=known.url))
    session.policy.require_vendor(owner)
    key = _env(known.key)
    if not key and owner != ON_PREM:
        raise CastingError(
            f"{known.url or 'The casting'} sends {vendor} to {url}, and {known.key} is not set. "
            "Add the key to .env, or remove the address to rehearse without keys."
        )
    return _checked(owner, url, key or NO_KEY, known.key)


def _named(url: str, owner: str, session) -> Address:
    """The address a casting spells out: a server of one's own, or a host of its own name."""
    session.policy.require_vendor(owner)
    key_name = re.sub(r"\W+", "_", owner).upper() + "_API_KEY"
    key = _env(key_name)
    if not key and owner != ON_PREM:
        raise CastingError(f"{key_name} is not set. Add the key that {owner} gave you to .env.")
    return _checked(owner, url, key or NO_KEY, key_name)


def _checked(owner: str, url: str, key: str, key_name: str) -> Address:
    parts = urlsplit(url)
    host = parts.hostname or ""
    # An on-prem casting by URL has a key of its own; a vendor's key stays off this machine.
    real = key != NO_KEY and not key.startswith("rehearsal.")
    if real and is_loopback(host) and key_name in {known.key for known in VENDORS.values()}:
        raise CastingError(
            f"{key_name} is a real key and {url} is this machine, so the key was not sent. "
            f"Unset {key_name} to use what runs here, or unset the address to reach the vendor."
        )
    if real and parts.scheme in ("http", "ws") and not is_private(host):
        raise CastingError(
            f"{key_name} would cross the network unencrypted on its way to {url}. Use https."
        )
    bare = url.rstrip("/").split("://", 1)[1]
    safe = "s" if parts.scheme in ("https", "wss") else ""
    return Address(vendor=owner, http=f"http{safe}://{bare}", ws=f"ws{safe}://{bare}", key=key)


def _rehearsed(vendor: str, session) -> Address:
    """The address of the local double, labelled on the session."""
    from services.rehearsal.process import rehearsal

    session.policy.require_vendor(vendor, rehearsed=True)
    path = urlsplit(VENDORS[vendor].live).path
    bare = rehearsal().address + path
    session.rehearsal.add(vendor)
    logger.warning(
        f"Session {session.id}: {vendor} is REHEARSED, because {VENDORS[vendor].key} is not set"
    )
    return Address(
        vendor=vendor,
        http=f"http://{bare}",
        ws=f"ws://{bare}",
        key=f"rehearsal.{session.bot}.{session.id}",
        rehearsed=True,
    )


def _owner(host: str) -> str:
    """Who is behind a host: a known vendor, the house, or the host itself."""
    for name, known in VENDORS.items():
        if host == known.domain or host.endswith("." + known.domain):
            return name
    return ON_PREM if is_private(host) else host


def _host(url: str, *, named: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise CastingError(
            f"{named} gives {url!r} as an address. Write it as https://host:port, with its scheme."
        )
    return parts.hostname


def _env(name: str) -> str:
    return os.environ.get(name, "").strip()
