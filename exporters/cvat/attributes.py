"""Attributes by which CVAT's XML carries what this program knows of a mask."""

from __future__ import annotations

# Declared with every label: CVAT drops attributes that are not.
ATTRIBUTES = (
    "uuid",
    "name",
    "author",
    "created_at",
    "bundle_digest",
    "prompt",
    "predicted_iou",
    "stability_score",
)
