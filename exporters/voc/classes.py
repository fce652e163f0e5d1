"""Pascal VOC's classes, and what stands for none of them. Source: the VOC2012 development kit, VOCinit.m."""

from __future__ import annotations

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
BACKGROUND = "background"
VOID = 255  # the border between objects, that nobody is asked about
VOID_COLOUR = (224, 224, 192)
