"""The model families there are: one table, one folder for each.

Adding a family: a folder here with its network and its row (`FAMILY`), one line in the table, one test, one paragraph
in docs/bundles.md, and the names of its tensors in `recognise.py` where it has published weights. Importing this
package loads no torch.
"""

from pathlib import Path

from segmentation.bundle import Bundle, Manifest
from segmentation.families import efficient_sam, fast_sam, pocket, sam, sam2
from segmentation.families.family import (
    DecoderFiles,
    DecoderSession,
    EncodeImage,
    Family,
    PromptableModel,
    Recipe,
    UnknownFamily,
    WeightsInvalid,
)

__all__ = [
    "FAMILIES", "DecoderFiles", "DecoderSession", "EncodeImage", "Family", "PromptableModel", "Recipe",
    "UnknownFamily", "WeightsInvalid", "family_of", "load_model", "recipe_of", "trainable",
]  # fmt: skip

FAMILIES: dict[str, Family] = {
    row.name: row for row in (sam.FAMILY, sam2.FAMILY, efficient_sam.FAMILY, fast_sam.FAMILY, pocket.FAMILY)
}


def family_of(manifest: Manifest) -> Family:
    """The family of a bundle. Raises UnknownFamily."""
    if manifest.family not in FAMILIES:
        raise UnknownFamily(
            f"bundle {manifest.name} is of family {manifest.family!r}; known: {', '.join(sorted(FAMILIES))}"
        )
    return FAMILIES[manifest.family]


def load_model(bundle: Bundle | Path | str) -> PromptableModel:
    """Loads a bundle's network with its weights, on the CPU, float32, in evaluation mode.

    Args:
        bundle: the bundle or its folder.

    Raises:
        BundleError: the manifest or the weights are missing, damaged, or not of a family and variant known here.
    """
    bundle = Bundle.open(bundle)
    return family_of(bundle.manifest).load(bundle).eval().requires_grad_(False)


def trainable() -> list[str]:
    """Names of the families whose networks can be trained here, in the table's order."""
    return [name for name, family in FAMILIES.items() if family.recipe]


def recipe_of(name: str) -> Recipe:
    """How networks of a family are trained. Loads torch. Raises UnknownFamily where they cannot be."""
    family = FAMILIES.get(name)
    if family is None or family.recipe is None:
        raise UnknownFamily(
            f"family {name!r} cannot be trained here; those that can: {', '.join(trainable())}"
        )
    return family.recipe()
