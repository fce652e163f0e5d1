"""SAM's prompt encoder and mask decoder from the `segment-anything` package, with seeded random weights.

No trained weights are here; the sizes are those of ViT-B/L/H's decoder. The weights are made sharper than torch's
initialisation, so that attention is peaked and logits spread like a trained model's (standard deviation about 5).
"""

import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

CHANNELS = 256
GRID = 64
INPUT_SIDE = 1024


class RandomSam:
    """The two modules, their state, and a synthetic image embedding."""

    def __init__(self, seed: int) -> None:
        modeling = import_segment_anything().modeling
        torch.manual_seed(seed)
        transformer = modeling.TwoWayTransformer(depth=2, embedding_dim=CHANNELS, mlp_dim=2048, num_heads=8)
        self.prompt_encoder = modeling.PromptEncoder(
            embed_dim=CHANNELS,
            image_embedding_size=(GRID, GRID),
            input_image_size=(INPUT_SIDE, INPUT_SIDE),
            mask_in_chans=16,
        )
        self.mask_decoder = modeling.MaskDecoder(transformer_dim=CHANNELS, transformer=transformer)
        for module in (self.prompt_encoder, self.mask_decoder):
            sharpen(module)
        for network in self.mask_decoder.output_hypernetworks_mlps:
            network.layers[-1].weight.data.mul_(FILTER_GAIN)
        self._seed = seed

    def decoder_state(self) -> dict[str, NDArray]:
        modules = {"mask_decoder": self.mask_decoder, "prompt_encoder": self.prompt_encoder}
        return {
            f"{prefix}.{name}": value.detach().numpy()
            for prefix, module in modules.items()
            for name, value in module.state_dict().items()
        }

    def image_embedding(self) -> NDArray[np.float32]:
        """(1, C, grid, grid): a smooth field with noise, as neighbouring patches of a photograph are alike."""
        random = torch.Generator().manual_seed(self._seed)
        smooth = torch.randn(1, CHANNELS, 12, 12, generator=random)
        smooth = nn.functional.interpolate(smooth, size=(GRID, GRID), mode="bicubic")
        return (smooth + 0.3 * torch.randn(1, CHANNELS, GRID, GRID, generator=random)).numpy()

    def decode(
        self, embedding: NDArray, coords: NDArray, labels: NDArray, mask_input: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        """Four masks' logits (1, 4, 256, 256) and IoU predictions (1, 4), by the package's own code.

        labels 2 and 3, a box's corners, come last and without a padding point, as SamPredictor gives them.
        """
        is_corner = labels[0] >= 2
        points = box = mask = None
        if not is_corner.all():
            points = torch.from_numpy(coords[:, ~is_corner]), torch.from_numpy(labels[:, ~is_corner])
            if not is_corner.any() and labels[0, -1] == -1:  # the package adds the padding point itself
                points = points[0][:, :-1], points[1][:, :-1]
        if is_corner.any():
            box = torch.from_numpy(coords[:, is_corner]).reshape(1, 4)
        if mask_input is not None:
            mask = torch.from_numpy(mask_input)
        with torch.no_grad():
            sparse, dense = self.prompt_encoder(points, box, mask)
            masks, iou = self.mask_decoder.predict_masks(
                torch.from_numpy(embedding), self.prompt_encoder.get_dense_pe(), sparse, dense
            )
        return masks.numpy(), iou.numpy()


FILTER_GAIN = 45.0
PROJECTION_GAIN = 3.0


def sharpen(module: nn.Module) -> None:
    """Random norms and biases instead of ones and zeros, larger projections."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
            elif "_proj.weight" in name:
                parameter.mul_(PROJECTION_GAIN)


def export_meta(sam: RandomSam, path: Path, return_single_mask: bool) -> None:
    """Meta's scripts/export_onnx_model.py: opset 17, dynamic number of points, the image's size an input."""
    import_segment_anything()
    from segment_anything.utils.onnx import SamOnnxModel

    whole = nn.Module()
    whole.mask_decoder, whole.prompt_encoder = sam.mask_decoder, sam.prompt_encoder
    whole.image_encoder, whole.mask_threshold = SimpleNamespace(img_size=INPUT_SIDE), 0.0
    model = SamOnnxModel(whole, return_single_mask)
    inputs = {
        "image_embeddings": torch.randn(1, CHANNELS, GRID, GRID),
        "point_coords": torch.randint(0, INPUT_SIDE, (1, 5, 2), dtype=torch.float),
        "point_labels": torch.randint(0, 4, (1, 5), dtype=torch.float),
        "mask_input": torch.randn(1, 1, 4 * GRID, 4 * GRID),
        "has_mask_input": torch.tensor([1.0]),
        "orig_im_size": torch.tensor([1500.0, 2250.0]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes={"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}},
            opset_version=17,
            dynamo=False,
        )


def import_segment_anything() -> ModuleType:
    """The package imports torchvision to resize photographs, which nothing here does: a stand-in that fails when called
    takes its place."""
    if "torchvision" not in sys.modules:
        names = ("", ".transforms", ".transforms.functional", ".ops", ".ops.boxes")
        modules = {name: ModuleType(f"torchvision{name}") for name in names}
        for name, module in modules.items():
            if name:
                parent, _, last = name.rpartition(".")
                setattr(modules[parent], last, module)
        for name in ("resize", "to_pil_image"):
            setattr(modules[".transforms.functional"], name, _absent)
        for name in ("batched_nms", "box_area"):
            setattr(modules[".ops.boxes"], name, _absent)
        sys.modules.update({module.__name__: module for module in modules.values()})
    import segment_anything

    return segment_anything


def _absent(*_args: object, **_options: object) -> None:
    raise RuntimeError("torchvision is not installed; the reference must not need it")
