"""The environment a taped session was cast in, without its credentials."""

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from qa.replay.wires import Connection
from services.addresses import VENDORS
from sessions.tape import TapeHeader

REHEARSAL = "VIVACE_REHEARSAL"
STAND_IN = "replayed"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def surroundings(
    header: TapeHeader, taped: list[Connection], *, live: Collection[str] = ()
) -> Iterator[None]:
    """Set the environment so that the session is cast as it was; put it back afterwards.

    A vendor whose key was set then gets a stand-in for it, or the real one if a stage runs live;
    one that was rehearsed is rehearsed again, at the taped address, and no process is started.

    Args:
        header: Of the tape.
        taped: Its connections.
        live: Stages that run live and need the real keys.
    """
    known = json.loads(header.facts.get("environment", "{}"))
    before = dict(os.environ)
    for vendor in VENDORS.values():
        real = os.environ.pop(vendor.key, "") if live else ""
        os.environ.pop(vendor.key, None)
        os.environ.pop(vendor.url, None)
        if vendor.key in known.get("keys", ()):
            os.environ[vendor.key] = real or STAND_IN
    os.environ.update(known.get("values", {}))
    os.environ.pop(REHEARSAL, None)
    rehearsed = [c for c in taped if c.kind != "process" and c.host[0] in _LOOPBACK]
    if rehearsed:
        host, port = rehearsed[0].host
        os.environ[REHEARSAL] = f"{host}:{port}"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
