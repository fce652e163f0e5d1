"""The model families there are, and how a bundle of each becomes a model.

A model is a torch module with two methods, all tensors float32 unless the encoder runs under autocast:

`encode_image(pixels (1, 3, input_side, input_side)) -> {name: (1, C, h, w)}`, names and shapes as in the manifest;
`decode(embedding {name: (1, C, h, w)}, point_coords (1, N, 2) in model pixels, point_labels (1, N),
mask_input (1, 1, 256, 256), has_mask_input (1,)) -> (low_res_masks (1, 4, 256, 256) logits, iou_predictions (1, 4))`.
Output 0 is the mask for a prompt that is not ambiguous, 1 to 3 are the candidates for one that is.

Adding a family: a file here with its network, one line in the table, one test, one paragraph in docs/bundles.md.
Nothing here imports torch until a bundle is loaded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from segmentation.bundle import BundleError, Manifest, load_manifest, verify_weights

if TYPE_CHECKING:
    from torch import Tensor


class PromptableModel(Protocol):
    """What every family's network is; see the top of this module for shapes."""

    def encode_image(self, pixels: "Tensor") -> "dict[str, Tensor]": ...

    def decode(
        self,
        embedding: "dict[str, Tensor]",
        point_coords: "Tensor",
        point_labels: "Tensor",
        mask_input: "Tensor",
        has_mask_input: "Tensor",
    ) -> "tuple[Tensor, Tensor]": ...


class UnknownFamily(BundleError):
    code = "unknown_family"


class WeightsInvalid(BundleError):
    """The weights are whole but are not those of the network the manifest names."""

    code = "weights_invalid"


def load_model(directory: Path | str, manifest: Manifest | None = None) -> Any:
    """Loads a bundle's network with its weights, on the CPU, float32, in evaluation mode.

    Raises:
        BundleError: the manifest or the weights are missing, damaged, or not of a family and variant known here.
    """
    manifest = manifest or load_manifest(directory)
    model = family_of(manifest).load(manifest, verify_weights(manifest, directory))
    return model.eval().requires_grad_(False)


def family_of(manifest: Manifest) -> "Family":
    """The family of a bundle. Raises UnknownFamily."""
    if manifest.family not in FAMILIES:
        raise UnknownFamily(
            f"bundle {manifest.name} is of family {manifest.family!r}; known: {', '.join(sorted(FAMILIES))}"
        )
    return FAMILIES[manifest.family]


def _load_sam(manifest: Manifest, weights: Path) -> Any:
    import torch

    from segmentation.families.sam import VARIANTS, SamNetwork

    _require_variant(manifest, VARIANTS)
    # On the meta device nothing is filled with random numbers first: ViT-H would spend seconds on that.
    with torch.device("meta"):
        model = SamNetwork(VARIANTS[manifest.variant])
    return _with_weights(model, manifest, weights, assign=True)


def _load_pocket(manifest: Manifest, weights: Path) -> Any:
    from segmentation.families.pocket import VARIANTS, PocketModel

    _require_variant(manifest, VARIANTS)
    return _with_weights(PocketModel(manifest.variant), manifest, weights)


def _require_variant(manifest: Manifest, variants: Iterable[str]) -> None:
    if manifest.variant not in variants:
        raise UnknownFamily(
            f"family {manifest.family} has no variant {manifest.variant!r}; known: {', '.join(variants)}"
        )


def _with_weights(model: Any, manifest: Manifest, weights: Path, assign: bool = False) -> Any:
    import safetensors.torch

    # Bundles may hold halves; every family computes in float32 and lets the encoder decide on autocast.
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in safetensors.torch.load_file(weights).items()
    }
    try:
        model.load_state_dict(state, strict=True, assign=assign)
    except RuntimeError as error:
        raise WeightsInvalid(
            f"the weights of bundle {manifest.name} do not fit {manifest.family} {manifest.variant}: {error}"
        ) from None
    return model


@dataclass(frozen=True)
class Family:
    """
    load            from a manifest and the path of verified weights to a model
    needs_a_point   its decoder cannot run without points: where a prompt is a mask input alone, it is given a padding
                    point, which SAM itself is not (see `segmentation.prompts`)
    """

    load: Callable[[Manifest, Path], Any]
    needs_a_point: bool


FAMILIES: dict[str, Family] = {
    "sam": Family(_load_sam, needs_a_point=False),
    "pocket": Family(_load_pocket, needs_a_point=True),
}
