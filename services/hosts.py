"""What a host name says about where bytes go: this machine, this house, or the world."""

import ipaddress
import socket

_PRIVATE_SUFFIXES = (".internal", ".local", ".home.arpa")


OWN_NAMES = {"localhost", "ip6-localhost", "ip6-loopback", socket.gethostname().lower()}


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine.

    Names are judged as written and never resolved: a lookup would block the call and
    may answer differently when the connection is made.

    Args:
        host: A host name or IP literal, without port; ``127.1`` and friends count too.
    """
    host = host.rstrip(".").lower()
    ip = _literal(host)
    if ip is None:
        return host in OWN_NAMES or host.endswith(".localhost")
    return ip.is_loopback or ip.is_unspecified


def is_private(host: str) -> bool:
    """Whether a host is in the house: loopback, a private range, or a name that never leaves.

    A name without a dot (``gpu-box``, a container's name) and the names reserved for
    private use (``.internal``, ``.local``, ``.home.arpa``) count as in the house.

    Args:
        host: A host name or IP literal, without port.
    """
    ip = _literal(host)
    if ip is None:
        return is_loopback(host) or "." not in host or host.endswith(_PRIVATE_SUFFIXES)
    return ip.is_private or is_loopback(host)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        # What the resolver takes for an address without asking anyone: "127.1", "0x7f000001".
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except OSError:
            return None
    return getattr(ip, "ipv4_mapped", None) or ip
