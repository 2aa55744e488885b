"""The trust store of vendors' HTTP clients, read once a process and not once a client.

Each client of ``httpx`` and ``httpx2`` reads the whole bundle of authorities anew: 17 ms in which
the event loop stands still, two or three times a call. It is the same for all, and the clients
change nothing in it.
"""

import functools
import os
import ssl
from importlib import import_module
from typing import Any


def share_trust_store() -> None:
    """Let clients that ask for nothing special have one trust store; a second call does nothing."""
    for name in ("httpx", "httpx2"):
        try:
            transports: Any = import_module(f"{name}._transports.default")
        except ImportError:
            continue
        if not hasattr(transports.create_ssl_context, "__wrapped__"):
            transports.create_ssl_context = _shared(transports.create_ssl_context)
        transports.create_ssl_context()


def _shared(create: Any) -> Any:
    @functools.cache
    def usual(_file: str | None, _folder: str | None) -> ssl.SSLContext:
        return create()

    @functools.wraps(create)
    def create_ssl_context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
        if verify is True and cert is None and trust_env:
            return usual(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return create(verify=verify, cert=cert, trust_env=trust_env)

    return create_ssl_context
