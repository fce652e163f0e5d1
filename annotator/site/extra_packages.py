"""Packages that only some settings need: what is missing is said with the setting that needs it."""

from __future__ import annotations

from importlib.util import find_spec

# What an address begins with -> variable, module, and what pip calls it.
NEEDED_BY = {
    "postgres": ("DATABASE_URL", "psycopg", "'psycopg[binary]'"),
    "pgsql": ("DATABASE_URL", "psycopg", "'psycopg[binary]'"),
    "redis": ("CELERY_BROKER_URL", "redis", "redis"),
}


def why_missing(*addresses: str | None) -> str:
    """Which packages the addresses need that are not installed, with what to do; empty: none."""
    sentences = []
    for address in filter(None, addresses):
        for beginning, (variable, module, package) in NEEDED_BY.items():
            if address.startswith(beginning) and find_spec(module) is None:
                scheme = address.partition(":")[0]
                sentences.append(
                    f"{variable} is an address of {scheme}, for which the package {module} is missing. Install it: "
                    f"pip install -c constraints.txt {package}"
                )
    return "\n".join(sentences)
