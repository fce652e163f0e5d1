"""What a model family is: the network every bundle of it has, and the row that the rest of the program asks.

Importing this module, or a row, loads no torch: a row's functions do when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from segmentation.bundle import DEFAULT_OUTPUTS, Bundle, BundleError, Manifest, Outputs

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn


# name -> (1, channels, h, w) of (1, 3, input_side, input_side), as `PromptableModel.encode_image`.
EncodeImage = Callable[["Tensor"], dict[str, "Tensor"]]


class PromptableModel(Protocol):
    """A torch module with two more methods. Tensors are float32, unless the encoder runs under autocast.

    C is the number of the bundle's outputs (`Manifest.outputs`), S its `low_res_side`; names and shapes of the
    embedding are the manifest's.
    """

    def encode_image(self, pixels: Tensor) -> dict[str, Tensor]:
        """pixels (1, 3, input_side, input_side), normalised -> {name: (1, channels, h, w)}."""
        ...

    def decode(
        self,
        embedding: dict[str, Tensor],
        point_coords: Tensor,
        point_labels: Tensor,
        mask_input: Tensor,
        has_mask_input: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """embedding, point_coords (1, N, 2) in model pixels, point_labels (1, N), mask_input (1, 1, S, S),
        has_mask_input (1,) -> low_res_masks (1, C, S, S) logits and iou_predictions (1, C).

        It is traced for the export: nothing in it may be decided in Python by the values of its inputs.
        """
        ...

    # Of every torch module; what else it has, this program does not ask for.
    def parameters(self) -> Iterator[nn.Parameter]: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def to(self, device: torch.device, /) -> Self: ...
    def eval(self) -> Self: ...
    def requires_grad_(self, requires_grad: bool = True) -> Self: ...


class DecoderSession(Protocol):
    """Runs a whole decode in Python, with the inputs and outputs of the decoder's ONNX file: onnxruntime's session,
    or one over the files of a decoder package."""

    def run(
        self, outputs: list[str] | None, feeds: dict[str, NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]: ...


@dataclass(frozen=True)
class DecoderFiles:
    """What a decoder package holds: all that a family's own session in the browser runs.

    files       name -> content
    metadata    what that session must know of them; `bundle_digest` and `family` are added when they are written
    """

    files: Mapping[str, bytes]
    metadata: Mapping[str, str]

    @property
    def has_kernels(self) -> bool:
        """Whether any of them is WebAssembly, which nothing in Python runs: tests compare it with torch."""
        return any(name.endswith(".wasm") for name in self.files)


@dataclass(frozen=True)
class Recipe:
    """How networks of a family are trained (`segmentation.training`).

    variants, default_variant   which networks can be trained
    title                   of a bundle whose maker names none
    pixel_mean, pixel_std   R, G, B in 0..255
    cell                    model pixels to a low-res cell
    side_multiple           input sides are multiples of it
    outputs                 of its decoder
    new_network             variant -> a network with first weights
    published_part          network -> the parameters that may start from somebody's published weights and then learn
                            at the lower rate
    load_published          (network, file) fills that part
    take_weights            (network, state) takes a bundle's weights, also those of a smaller variant
    manifest_fields         (name, variant, title, licence, side) -> the fields of a bundle's manifest
    """

    variants: tuple[str, ...]
    default_variant: str
    title: str
    pixel_mean: tuple[float, float, float]
    pixel_std: tuple[float, float, float]
    cell: int
    side_multiple: int
    new_network: Callable[[str], nn.Module]
    published_part: Callable[[Any], Iterable[nn.Parameter]]
    load_published: Callable[[Any, Path], None]
    take_weights: Callable[[Any, dict[str, Tensor]], None]
    manifest_fields: Callable[[str, str, str, str, int], dict[str, Any]]
    outputs: Outputs = DEFAULT_OUTPUTS


@dataclass(frozen=True)
class Family:
    """One row of the table of families.

    name                what manifests call it
    load                bundle -> its network with its weights, on the CPU
    needs_a_point       its decoder cannot run without points: where a prompt is a mask input alone, it is given a
                        padding point, which SAM itself is not (see `segmentation.prompts`)
    decoder_files       (bundle, the network's state as numpy arrays) -> what its session in the browser runs; None
                        where the browser runs the decoder as one graph
    package_session     those files -> a session over their graphs in Python, which the export and the self-test
                        compare with torch; None where they have no graphs
    by_openvino         network -> (precision, "float32" or "bfloat16" -> its `encode_image`, run by OpenVINO); None for
                        a network that OpenVINO does not run. None instead of this where it runs none of the family.
                        The inner one raises what `segmentation.openvino_package` does
    browser_session     folder below static/js/decoder/worker/ whose session.js runs those files
    recipe              gives the family's recipe; None where its networks cannot be trained here
    convert             (source, variant, name, output, half, title, licence) -> the bundle of published weights; see
                        `segmentation.families.convert`, which everybody calls. None where nobody publishes any
    from_onnx           whether what it converts is an ONNX file
    """

    name: str
    load: Callable[[Bundle], PromptableModel]
    needs_a_point: bool = False
    decoder_files: Callable[[Bundle, Mapping[str, NDArray[np.float32]]], DecoderFiles] | None = None
    package_session: Callable[[DecoderFiles], DecoderSession] | None = None
    by_openvino: Callable[[Any], Callable[[str], EncodeImage] | None] | None = None
    browser_session: str | None = None
    recipe: Callable[[], Recipe] | None = None
    convert: Callable[[Path | str, str, str, Path | str, bool, str | None, str | None], Manifest] | None = (
        None
    )
    from_onnx: bool = False


class UnknownFamily(BundleError):
    code = "unknown_family"


class WeightsInvalid(BundleError):
    """The weights are whole but are not those of the network the manifest names."""

    code = "weights_invalid"


def require_variant(bundle: Bundle, variants: Iterable[str]) -> str:
    """The bundle's variant. Raises UnknownFamily where the family has none of that name."""
    manifest = bundle.manifest
    if manifest.variant not in variants:
        raise UnknownFamily(
            f"family {manifest.family} has no variant {manifest.variant!r}; known: {', '.join(variants)}"
        )
    return manifest.variant


def with_weights(model: nn.Module, bundle: Bundle, assign: bool = False) -> Any:
    """Loads a bundle's weights into a network, as float32.

    Args:
        assign: the network takes the tensors themselves instead of copying them, as one on the meta device must.

    Raises:
        WeightsMismatch: the file is not the one the manifest was written for.
        WeightsInvalid: its tensors are not the network's.
    """
    import safetensors.torch

    # Bundles may hold halves; every family computes in float32 and lets the encoder decide on autocast.
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in safetensors.torch.load_file(bundle.verified_weights()).items()
    }
    manifest = bundle.manifest
    try:
        model.load_state_dict(state, strict=True, assign=assign)
    except RuntimeError as error:
        raise WeightsInvalid(
            f"the weights of bundle {manifest.name} do not fit {manifest.family} {manifest.variant}: {error}"
        ) from None
    return model
