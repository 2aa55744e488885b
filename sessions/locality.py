"""Who stands at this machine itself."""

from ipaddress import ip_address

from starlette.requests import HTTPConnection

PROXIED = ("x-forwarded-for", "forwarded", "via")


def is_local(connection: HTTPConnection) -> bool:
    """Whether this machine asks for itself, and not a proxy on it for someone else."""
    try:
        local = ip_address(connection.client.host if connection.client else "").is_loopback
    except ValueError:
        local = False
    return local and not any(name in connection.headers for name in PROXIED)
