"""The small convolutional model that comes with the program, and its decoder as a kernel.

Variants: v1, v2. Three embedding tensors, at strides 16, 8 and 4.
"""

from collections.abc import Mapping
from typing import Any

from segmentation.bundle import Bundle
from segmentation.families.family import DecoderFiles, Family, Recipe, require_variant, with_weights


def _load(bundle: Bundle) -> Any:
    from segmentation.families.pocket.network import VARIANTS, PocketModel

    return with_weights(PocketModel(require_variant(bundle, VARIANTS)), bundle)


def _decoder_files(_bundle: Bundle, state: Mapping[str, Any]) -> DecoderFiles:
    from segmentation.families.pocket.kernel import kernel_files

    # The weights go in as they are and the kernel that reads them is always the same: tests compare it with torch.
    return DecoderFiles(kernel_files(state), {})


def _recipe() -> Recipe:
    from segmentation.families.pocket.recipe import RECIPE

    return RECIPE


FAMILY = Family(
    "pocket",
    _load,
    needs_a_point=True,
    decoder_files=_decoder_files,
    browser_session="pocket",
    recipe=_recipe,
)
