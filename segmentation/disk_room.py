"""How much of a disk is never filled: a server's database lies there too, and it must be able to go on."""

SPARE_BYTES = 64 * 1024 * 1024
