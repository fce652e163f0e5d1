"""MobileSAM's own code (the package mobilesam-mirror), to compare with; TinySAM's differs from it in what it gives.

The package does not say that it needs timm, of which it takes three small functions that do nothing here; timm needs
torchvision, which this project does without. As for `original_sam`, stand-ins are there only while it is imported.
"""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from torch import nn

from segmentation.families.sam.encoders.tiny_vit import TinyVitShape
from tests.segmentation.original_sam import SamPredictor, build_original, torchvision_stand_in

_layers = types.ModuleType("timm.models.layers")
_layers.DropPath = nn.Identity
_layers.to_2tuple = lambda side: (side, side)
_layers.trunc_normal_ = nn.init.trunc_normal_
_registry = types.ModuleType("timm.models.registry")
_registry.register_model = lambda function: function
_MODULES = {
    "timm": types.ModuleType("timm"),
    "timm.models": types.ModuleType("timm.models"),
    "timm.models.layers": _layers,
    "timm.models.registry": _registry,
}


@contextmanager
def timm_stand_in() -> Iterator[None]:
    # benchmarks/sam_parity.py has the real one, for another package.
    real = {name: sys.modules[name] for name in _MODULES if name in sys.modules}
    sys.modules.update(_MODULES)
    try:
        yield
    finally:
        for name in _MODULES:
            del sys.modules[name]
        sys.modules.update(real)


with torchvision_stand_in(), timm_stand_in():
    from mobile_sam import sam_model_registry
    from mobile_sam.modeling import TinyViT

__all__ = ["TinySamPredictor", "build_original_mobile", "sam_model_registry"]


def build_original_mobile(shape: TinyVitShape) -> nn.Module:
    """MobileSAM with every size free; for the published ones `sam_model_registry["vit_t"]` is equal."""
    encoder = TinyViT(
        img_size=shape.input_side,
        embed_dims=list(shape.widths),
        depths=list(shape.depths),
        num_heads=list(shape.heads),
        window_sizes=list(shape.windows),
        drop_path_rate=0.0,
    )
    return build_original(shape, encoder)


class TinySamPredictor(SamPredictor):
    """As TinySAM's own: its decoder leaves mask 0 out, always, and its scripts take the best rated of the rest.

    Sources: TinySAM, tinysam/modeling/mask_decoder.py, forward; demo.py; eval/tinysam_zero_shot_ins_eval.py.
    """

    def predict(self, *prompt, multimask_output: bool = True, **named):
        masks, rated, logits = super().predict(*prompt, multimask_output=True, **named)
        if multimask_output:
            return masks, rated, logits
        best = [int(np.argmax(rated))]
        return masks[best], rated[best], logits[best]
