"""Prompts in, masks out: SamPredictor's conventions over any bundle, decoding with torch or with onnxruntime.

Source of the conventions: segment-anything, predictor.py.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segmentation import masks
from segmentation.bundle import Bundle, BundleDigestMismatch, find_bundle
from segmentation.decoder import DecoderMismatch
from segmentation.decoder.session import open_decoder
from segmentation.errors import SegmentationError
from segmentation.families import family_of
from segmentation.frames import ModelFrame
from segmentation.prompts import PromptError, build_prompt_tensors, candidate_order
from segmentation.regions import Region

if TYPE_CHECKING:
    from segmentation.encoder import ImageEncoder

CACHE_DIR_VARIABLE = "MASKWRIGHT_CACHE_DIR"


class ImageNotSet(SegmentationError, RuntimeError):
    """A prompt came before an image."""

    code = "image_not_set"


class EmbeddingMalformed(SegmentationError, ValueError):
    """The tensors are not an embedding of this bundle."""

    code = "embedding_malformed"


class Decoder(Protocol):
    """Runs a bundle's decoder once."""

    def decode(
        self, embedding: Mapping[str, NDArray[np.float32]], prompt: Mapping[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """From name -> (1, C, h, w) and point_coords, point_labels, mask_input, has_mask_input to low_res_masks
        (1, C, S, S) and iou_predictions (1, C), C outputs of side S."""


def load_predictor(
    name_or_path: str | Path,
    predict_onnx: bool = False,
    device: str = "auto",
    bundle_dirs: tuple[Path | str, ...] = (),
    decoder_path: Path | str | None = None,
) -> "Predictor":
    """Loads a bundle for prediction.

    Args:
        name_or_path: a bundle's name or folder, as `segmentation.bundle.find_bundle`.
        predict_onnx: decode with the exported ONNX file in onnxruntime instead of torch. With `set_embedding` in place
            of `set_image` torch is then not needed at all.
        device: "auto", "cpu", "cuda", ...; see `segmentation.encoder.pick_device`. onnxruntime decodes on the CPU.
        bundle_dirs: where bundles are looked for by name, before the built-in ones.
        decoder_path: the ONNX file to decode with; without one it is exported once into the cache
            (`MASKWRIGHT_CACHE_DIR`, else the user's cache folder), under the bundle's digest.

    Raises:
        BundleError: the bundle cannot be found or loaded.
        DecoderMismatch: `decoder_path` is not this bundle's decoder, or the export differs from torch.
        DeviceUnavailable: torch does not see `device`.
    """
    bundle = Bundle.open(find_bundle(name_or_path, bundle_dirs))
    predictor = Predictor(bundle, device)
    if decoder_path is not None:
        predictor.decoder = OnnxDecoder(Path(decoder_path), predictor.manifest.digest)
    elif predict_onnx:
        predictor.decoder = _cached_decoder(bundle)
    else:
        predictor.decoder = TorchDecoder(predictor.encoder)
    return predictor


class Predictor:
    """One bundle and, after `set_image` or `set_embedding`, one image. Made by `load_predictor`.

    Attributes:
        bundle: the bundle; `manifest` is its.
        frame: the present image's place in the model's square, None before there is an image.
        decoder: what answers prompts.
    """

    decoder: Decoder

    def __init__(self, bundle: Bundle, device: str = "auto") -> None:
        self.bundle = bundle
        self.manifest = bundle.manifest
        self.frame: ModelFrame | None = None
        self._device = device
        self._embedding: dict[str, NDArray[np.float32]] = {}

    @cached_property
    def encoder(self) -> "ImageEncoder":
        """The image encoder, loaded when first needed: only it and TorchDecoder bring torch in."""
        from segmentation.encoder import ImageEncoder

        return ImageEncoder(self.bundle.directory, self._device)

    @property
    def is_image_set(self) -> bool:
        return self.frame is not None

    def set_image(
        self, image: NDArray[np.uint8], image_format: str = "RGB", region: Region | None = None
    ) -> None:
        """Computes the embedding of the image that prompts are about from now on.

        Args:
            image: (H, W, 3) uint8, upright.
            image_format: order of the channels, "RGB" or "BGR".
            region: the part of the image that is looked at, at full resolution, in place of the whole. Prompts and
                masks stay in pixels of the whole image; outside the region masks are background.

        Raises:
            ImageMalformed: `image` is something else.
            RegionMalformed: `region` is not one of the image.
            ValueError: another `image_format`.
        """
        if image_format not in ("RGB", "BGR"):
            raise ValueError(f"image_format must be RGB or BGR, got {image_format!r}")
        self.reset_image()
        from segmentation.encoder import check_image

        check_image(image)
        if image_format == "BGR":
            image = image[..., ::-1]
        image_hw = image.shape[:2]
        part = image[region.check(image_hw).slices] if region else image
        self.set_embedding(self.encoder.encode(part, dtype=np.float32), image_hw, region=region)

    def set_embedding(
        self,
        tensors: Mapping[str, NDArray[Any]],
        image_hw: tuple[int, int],
        bundle_digest: str | None = None,
        region: Region | None = None,
    ) -> None:
        """Takes an embedding that was computed before.

        Args:
            tensors: name -> (C, h, w), float16 or float32, the manifest's names and shapes.
            image_hw: (height, width) of the image, in image pixels.
            bundle_digest: the bundle that computed it, when known (see `segmentation.embedding_file`).
            region: the part of the image that it was computed from; None: the whole.

        Raises:
            BundleDigestMismatch: another bundle computed it.
            RegionMalformed: `region` is not one of the image.
            EmbeddingMalformed: names or shapes are not the bundle's, or a value is not finite.
        """
        self.reset_image()
        if bundle_digest is not None and bundle_digest != self.manifest.digest:
            raise BundleDigestMismatch(
                f"the embedding was computed by bundle {bundle_digest}, this is {self.manifest.name}, "
                f"{self.manifest.digest}"
            )
        shapes = {name: tuple(np.shape(tensor)) for name, tensor in tensors.items()}
        if shapes != dict(self.manifest.embedding):
            raise EmbeddingMalformed(
                f"the embedding's tensors are {shapes}, those of bundle {self.manifest.name} are "
                f"{dict(self.manifest.embedding)}"
            )
        # In the manifest's order and with the batch axis, as the decoder takes them.
        embedding = {name: np.asarray(tensors[name], np.float32)[None] for name in self.manifest.embedding}
        if not all(np.isfinite(tensor).all() for tensor in embedding.values()):
            raise EmbeddingMalformed("the embedding holds values that are not finite")
        frame = ModelFrame(
            int(image_hw[0]), int(image_hw[1]), self.manifest.input_side, region, self.manifest.fit
        )
        self._embedding, self.frame = embedding, frame

    def reset_image(self) -> None:
        """Forgets the present image."""
        self.frame, self._embedding = None, {}

    def get_image_embedding(self) -> dict[str, NDArray[np.float32]]:
        """The present image's embedding, name -> (1, C, h, w).

        Raises:
            ImageNotSet: there is no image.
        """
        self.present_frame()
        return dict(self._embedding)

    def predict(
        self,
        point_coords: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: ArrayLike | None = None,
        multimask_output: bool = True,
        return_logits: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.float32]]:
        """Predicts masks for a prompt on the present image.

        Args:
            point_coords: (N, 2), x then y, in image pixels.
            point_labels: (N,), 1 foreground, 0 background.
            box: (4,), box_xyxy in image pixels.
            mask_input: (1, S, S), the low-res logits of an earlier prediction for the same object; S is the manifest's
                low_res_side.
            multimask_output: True for the candidates, best for an ambiguous prompt such as a single point; False for
                the one mask of a prompt that is not ambiguous.
            return_logits: give logits at image size in place of masks.

        Returns:
            masks (C, H, W) bool (or logits, float32), iou_predictions (C,), low_res_logits (C, S, S); C is the number
            of candidates (SAM has 3) or 1.

        Raises:
            ImageNotSet: neither `set_image` nor `set_embedding` was called.
            PromptError: the prompt is empty or malformed.
        """
        low_res_logits, iou_predictions = self.predict_raw(point_coords, point_labels, box, mask_input)
        outputs = self.manifest.outputs
        # Two points stand for any prompt that is not ambiguous.
        chosen = (
            list(outputs.candidates) if multimask_output else candidate_order(iou_predictions, outputs, 2)[:1]
        )
        low_res_logits, iou_predictions = low_res_logits[chosen], iou_predictions[chosen]
        logits = masks.postprocess(low_res_logits, self.present_frame())
        shown = logits if return_logits else logits > self.manifest.mask_threshold
        return shown, iou_predictions, low_res_logits

    def predict_raw(
        self,
        point_coords: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box: ArrayLike | None = None,
        mask_input: ArrayLike | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """All outputs of the decoder; arguments and errors as `predict`.

        Returns:
            low_res_logits (C, S, S) and iou_predictions (C,); `manifest.outputs` says what each is for.
        """
        frame = self.present_frame()
        coords, labels = build_prompt_tensors(frame, point_coords, point_labels, box)
        if labels.size == 0 and mask_input is None:
            raise PromptError("the prompt is empty: give points, a box, or a mask_input")
        if labels.size == 0 and family_of(self.manifest).needs_a_point:
            coords, labels = build_prompt_tensors(frame, pad_empty=True)
        prompt = {
            "point_coords": coords,
            "point_labels": labels,
            "mask_input": self._mask_tensor(mask_input),
            "has_mask_input": np.array([mask_input is not None], np.float32),
        }
        low_res_masks, iou_predictions = self.decoder.decode(self._embedding, prompt)
        return low_res_masks[0], iou_predictions[0]

    def present_frame(self) -> ModelFrame:
        if self.frame is None:
            raise ImageNotSet("set an image with set_image or set_embedding before predicting")
        return self.frame

    def _mask_tensor(self, mask_input: ArrayLike | None) -> NDArray[np.float32]:
        side = self.manifest.low_res_side
        if mask_input is None:
            return np.zeros((1, 1, side, side), np.float32)
        try:
            logits = np.asarray(mask_input, np.float32)
        except (TypeError, ValueError):
            raise PromptError("mask_input must be an array of numbers") from None
        if logits.shape != (1, side, side):
            raise PromptError(
                f"mask_input must be the low-res logits of one mask, (1, {side}, {side}), got shape {logits.shape}"
            )
        if not np.isfinite(logits).all():
            raise PromptError("mask_input holds a number that is not finite")
        return logits[None]


class TorchDecoder:
    """Decodes with the bundle's own network, in float32, where the image encoder lives."""

    def __init__(self, encoder: "ImageEncoder") -> None:
        self._model, self._device = encoder.model, encoder.device

    def decode(
        self, embedding: Mapping[str, NDArray[np.float32]], prompt: Mapping[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import torch

        def on_device(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
            return {name: torch.from_numpy(array).to(self._device) for name, array in arrays.items()}

        with torch.inference_mode():
            low_res_masks, iou_predictions = self._model.decode(on_device(embedding), **on_device(prompt))
        return low_res_masks.float().cpu().numpy(), iou_predictions.float().cpu().numpy()


class OnnxDecoder:
    """Decodes with an exported decoder file in onnxruntime, as the browser does.

    Raises:
        DecoderMismatch: the file is missing, not a decoder, or of another bundle.
    """

    def __init__(self, path: Path, bundle_digest: str) -> None:
        self._session = open_decoder(path, bundle_digest)

    def decode(
        self, embedding: Mapping[str, NDArray[np.float32]], prompt: Mapping[str, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        low_res_masks, iou_predictions = self._session.run(
            ["low_res_masks", "iou_predictions"], {**embedding, **prompt}
        )
        return low_res_masks, iou_predictions


def decoder_cache_dir() -> Path:
    """Where decoders are kept that nobody gave a path for: `MASKWRIGHT_CACHE_DIR`, else the user's cache folder."""
    configured = os.environ.get(CACHE_DIR_VARIABLE)
    if configured:
        return Path(configured)
    # XDG Base Directory Specification; an empty value counts as unset there.
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maskwright"


def _cached_decoder(bundle: Bundle) -> OnnxDecoder:
    from segmentation.decoder import export_decoder

    digest = bundle.manifest.digest
    path = decoder_cache_dir() / f"{digest}.onnx"
    if path.exists():
        try:
            return OnnxDecoder(path, digest)
        except DecoderMismatch:
            pass  # damaged, or of an older format: a cache is made anew
    export_decoder(bundle, path)
    return OnnxDecoder(path, digest)
