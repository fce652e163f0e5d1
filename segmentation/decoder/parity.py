"""Does the exported decoder answer as torch does?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.bundle import Bundle, Manifest
from segmentation.decoder.decoder_file import DecoderMismatch
from segmentation.decoder.package import read_package
from segmentation.decoder.session import open_decoder
from segmentation.families import DecoderSession, PromptableModel, family_of, load_model
from segmentation.frames import ModelFrame
from segmentation.prompts import build_prompt_tensors

# Both sides are float32 and add the same products in another order; what that costs grows with the logits. Measured on
# a decoder of SAM's size with random weights and logits up to 44: 5e-5. A graph that is wrong is wrong by far more.
LOGIT_TOLERANCE = 1e-3
IOU_TOLERANCE = 1e-3

# 3:2 landscape: a third of the square is padding, which the decoder must handle as well.
IMAGE_HW = (400, 600)


@dataclass(frozen=True)
class Difference:
    """See `DecoderReport`, which repeats these."""

    prompts: int
    max_logit_difference: float
    max_relative_logit_difference: float
    max_iou_difference: float
    flipped_pixels: float

    @property
    def is_tolerable(self) -> bool:
        # Written so that NaN is refused.
        return (
            self.max_relative_logit_difference <= LOGIT_TOLERANCE and self.max_iou_difference <= IOU_TOLERANCE
        )

    def require_tolerable(self, what: str) -> None:
        """Raises DecoderMismatch where `what` differs from torch by more than is tolerated."""
        if not self.is_tolerable:
            raise DecoderMismatch(
                f"{what} differs from torch over {self.prompts} prompts: logits by "
                f"{self.max_relative_logit_difference:.2g} of their range (at most {LOGIT_TOLERANCE}), IoU predictions "
                f"by {self.max_iou_difference:.2g} (at most {IOU_TOLERANCE}); it is not used"
            )


def sample_image() -> NDArray[np.uint8]:
    """(H, W, 3) uint8: a few flat shapes on a ramp, so that the embedding has objects in it."""
    y, x = np.mgrid[: IMAGE_HW[0], : IMAGE_HW[1]]
    image = np.stack([x * 255 // IMAGE_HW[1], y * 255 // IMAGE_HW[0], (x + y) % 256], axis=-1).astype(
        np.uint8
    )
    image[(y - 150) ** 2 + (x - 200) ** 2 < 80**2] = (220, 40, 40)
    image[220:340, 350:520] = (40, 60, 200)
    image[260:300, 400:470] = (240, 240, 90)
    return image


def sample_embedding(model: PromptableModel, manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """name -> (1, C, h, w) of `sample_image`, by the bundle's network."""
    import torch

    from segmentation.encoder import preprocess

    pixels = preprocess(
        sample_image(), manifest.input_side, manifest.pixel_mean, manifest.pixel_std, manifest.fit
    )
    with torch.inference_mode():
        return {name: maps.numpy() for name, maps in model.encode_image(torch.from_numpy(pixels)).items()}


def sample_prompts(manifest: Manifest) -> list[dict[str, NDArray[np.float32]]]:
    """Decoder inputs without the embedding: 1 to 9 points of both labels, boxes, both, mask inputs, no points."""
    frame = ModelFrame(*IMAGE_HW, manifest.input_side, fit=manifest.fit)
    low_res_side, pad_empty = manifest.low_res_side, family_of(manifest).needs_a_point
    random = np.random.default_rng(20230405)
    y, x = np.mgrid[:low_res_side, :low_res_side] / low_res_side
    blob = (40 * (0.02 - (x - 0.33) ** 2 - (y - 0.25) ** 2)).astype(np.float32)
    box = np.array([110.0, 60.0, 290.0, 240.0])
    prompts: list[dict[str, Any]] = [
        {"point_coords": [[200, 150]], "point_labels": [1]},
        {"point_coords": [[0, 0]], "point_labels": [1]},
        {"point_coords": [[599, 399]], "point_labels": [0]},
        {"point_coords": [[200, 150], [430, 280]], "point_labels": [1, 0]},
        {"box": box},
        {"box": box, "point_coords": [[200, 150]], "point_labels": [1]},
        {"box": box, "point_coords": [[150, 100], [430, 280], [250, 200]], "point_labels": [1, 0, 0]},
        {"point_coords": [[435, 280]], "point_labels": [1], "mask_input": blob},
        {"box": box, "point_coords": [[200, 150]], "point_labels": [0], "mask_input": blob},
        {"mask_input": blob},
    ]
    for count in range(3, 10):
        coords = random.uniform((0, 0), (IMAGE_HW[1], IMAGE_HW[0]), (count, 2))
        prompts.append({"point_coords": coords, "point_labels": random.integers(0, 2, count)})
    return [_decoder_inputs(frame, low_res_side, pad_empty=pad_empty, **prompt) for prompt in prompts]


def _decoder_inputs(
    frame: ModelFrame, low_res_side: int, mask_input: NDArray[np.float32] | None = None, **prompt: Any
) -> dict[str, NDArray[np.float32]]:
    coords, labels = build_prompt_tensors(frame, **prompt)
    mask = np.zeros((1, 1, low_res_side, low_res_side), np.float32)
    if mask_input is not None:
        mask[0, 0] = mask_input
    return {
        "point_coords": coords,
        "point_labels": labels,
        "mask_input": mask,
        "has_mask_input": np.array([mask_input is not None], np.float32),
    }


def compare_file(bundle: Bundle | Path | str, path: Path | str) -> Difference:
    """How a decoder file compares with the network of its bundle, over all sample prompts.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: the file is missing, not a decoder, or of another bundle.
    """
    return compare_files(bundle, path).decoder


@dataclass(frozen=True)
class FilesDifference:
    """How what browsers run of a bundle compares with its network.

    decoder         the one graph
    package         the graphs of the decoder package; None where there are none
    has_kernels     whether the package holds kernels as well, or instead, which nothing in Python runs
    """

    decoder: Difference
    package: Difference | None
    has_kernels: bool


def compare_files(
    bundle: Bundle | Path | str, decoder: Path | str, package: Path | str | None = None
) -> FilesDifference:
    """How a decoder file and, where there is one, a decoder package compare with the network, over all sample prompts.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: a file is missing, not what it should be, or of another bundle.
    """
    bundle = Bundle.open(bundle)
    manifest = bundle.manifest
    session = open_decoder(decoder, manifest.digest)
    files = read_package(package, manifest.digest) if package is not None else None
    model = load_model(bundle)
    embedding = sample_embedding(model, manifest)
    open_package = family_of(manifest).package_session
    of_package = None
    if files is not None and open_package is not None:
        try:
            of_package = compare(model, open_package(files), manifest, embedding)
        except Exception as error:
            # onnxruntime's exceptions have no common class of their own below Exception.
            raise DecoderMismatch(f"onnxruntime cannot run the graphs of {package}: {error}") from error
    return FilesDifference(
        decoder=compare(model, session, manifest, embedding),
        package=of_package,
        has_kernels=files is not None and files.has_kernels,
    )


def compare(
    model: PromptableModel,
    session: DecoderSession,
    manifest: Manifest,
    embedding: dict[str, NDArray[np.float32]],
) -> Difference:
    """Runs every sample prompt through torch and through a session.

    Args:
        model: the bundle's network, on the CPU.
        session: onnxruntime's on the exported file, or a decoder package's.
        embedding: name -> (1, C, h, w).
    """
    import torch

    logit_differences, relative_differences, iou_differences, flipped = [], [], [], []
    prompts = sample_prompts(manifest)
    for prompt in prompts:
        with torch.inference_mode():
            answer = model.decode(
                {name: torch.from_numpy(tensor) for name, tensor in embedding.items()},
                **{name: torch.from_numpy(tensor) for name, tensor in prompt.items()},
            )
        expected_logits, expected_iou = (tensor.numpy() for tensor in answer)
        logits, iou = session.run(["low_res_masks", "iou_predictions"], embedding | prompt)
        difference = float(np.abs(logits - expected_logits).max())
        logit_differences.append(difference)
        relative_differences.append(difference / max(1.0, float(np.abs(expected_logits).max())))
        iou_differences.append(float(np.abs(iou - expected_iou).max()))
        flipped.append(float(np.mean((logits > 0) != (expected_logits > 0))))
    # np.max, unlike max, does not lose a NaN.
    return Difference(
        prompts=len(prompts),
        max_logit_difference=float(np.max(logit_differences)),
        max_relative_logit_difference=float(np.max(relative_differences)),
        max_iou_difference=float(np.max(iou_differences)),
        flipped_pixels=float(np.mean(flipped)),
    )
