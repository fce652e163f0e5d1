"""Annotations: saved, checked, drawn."""
