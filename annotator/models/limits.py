"""The largest numbers that a column of the database can hold: more is refused in words."""

from __future__ import annotations

LARGEST_ID = 2**63 - 1
LARGEST_INTEGER = 2**31 - 1
