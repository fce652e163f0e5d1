"""Annotations leave as files, and datasets come in."""
