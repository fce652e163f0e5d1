"""How e-mails leave."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

# RFC 5321; RFC 8314 for both others.
USUAL_PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}


def server_settings(address: str) -> dict[str, Any]:
    """Django's settings of a mail server.

    Args:
        address: as EMAIL_URL has it. What an address cannot hold stands percent-encoded in name and password.
    """
    parts = urlsplit(address)
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or USUAL_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
    }
