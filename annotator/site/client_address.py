"""Who sends a request, where a proxy stands between."""

from __future__ import annotations

import logging
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)

# Who has an IPv6 connection has 2^64 addresses of it and more (RFC 6177).
IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str:
    """The client's address, of IPv6 the network of its connection; "" where there is none, as with a Unix socket.

    X-Forwarded-For is believed as far as TRUSTED_PROXIES wrote it: read from its end, the first address that is none
    of theirs is the client's. What stands before it the client may have made up.
    """
    address = _read(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return ""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if forwarded and not _is_trusted(address):
        _say_untrusted(str(address))
    hops = forwarded.split(",")
    while hops and _is_trusted(address):
        before = _read(hops.pop())
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=8)  # once is enough
def _say_untrusted(address: str) -> None:
    logger.warning(
        "%s says for whom it sends requests, and is not believed. If it is your proxy, name it in TRUSTED_PROXIES: "
        "until then all who come through it count as one address.",
        address,
    )


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)
