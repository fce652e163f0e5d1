"""The `segment-anything` package with seeded random weights, as the reference. It imports torchvision for resizing
photographs, which nothing here does: a stand-in that fails when called takes its place."""

import sys
from types import ModuleType


def import_segment_anything():
    if "torchvision" not in sys.modules:
        names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
        torchvision, transforms, functional = (ModuleType(name) for name in names)
        torchvision.transforms, transforms.functional = transforms, functional
        functional.resize = functional.to_pil_image = _absent
        torchvision.ops = ModuleType("torchvision.ops")
        torchvision.ops.boxes = ModuleType("torchvision.ops.boxes")
        torchvision.ops.boxes.batched_nms = torchvision.ops.boxes.box_area = _absent
        modules = (torchvision, transforms, functional, torchvision.ops, torchvision.ops.boxes)
        sys.modules.update({module.__name__: module for module in modules})
    import segment_anything

    return segment_anything


def _absent(*_args, **_options):
    raise RuntimeError("torchvision is not installed; the reference must not need it")
