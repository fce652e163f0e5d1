"""Annotations leave as files."""
