"""From an image to its embedding, on the device that is there."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from segmentation import precision as precisions
from segmentation.bundle import Bundle, find_bundle
from segmentation.errors import SegmentationError
from segmentation.families import EncodeImage, load_model
from segmentation.frames import PAD, STRETCH, ModelFrame

# Compiling a large encoder takes up to a minute: who waits for one image is answered before.
COMPILE_AFTER = 8  # images

logger = logging.getLogger(__name__)


class ImageMalformed(SegmentationError, ValueError):
    """What was given is not an upright 8-bit RGB image."""

    code = "image_malformed"


class DeviceUnavailable(SegmentationError, RuntimeError):
    """The device asked for is not there."""

    code = "device_unavailable"


class EmbeddingNotFinite(SegmentationError, ArithmeticError):
    """The image encoder gave NaN or infinite values, which no decoder can use."""

    code = "embedding_not_finite"


class ImageEncoder:
    """A bundle's image encoder, loaded once.

    On a GPU it runs under float16 autocast: its output is stored as float16 in any case. Should that overflow for an
    image, the image is encoded once more in float32. On the CPU torch runs it in float32, unless another precision or
    OpenVINO is asked for or, with "auto", found to be sooner and to give the same masks.

    Attributes:
        bundle: the bundle; `manifest` is its.
        model: its network (see `segmentation.families`), on `device`.
        device: the torch.device really used.
        precision: "float32", "float16" or "bfloat16", what it really computes in.
        backend: "torch" or "openvino", what really runs it.
        choice: how that was chosen; None where nothing had to be.
        is_compiled: whether torch has compiled it.
    """

    def __init__(
        self,
        bundle: str | Path,
        device: str = "auto",
        bundle_dirs: tuple[Path | str, ...] = (),
        precision: str | None = None,
        choices_dir: Path | None = None,
        compiles: bool = False,
        backend: str | None = None,
    ) -> None:
        """
        Args:
            bundle: a bundle's folder or name, as `segmentation.bundle.find_bundle`.
            device: "auto" (a GPU when torch sees one, else the CPU) or a name torch knows, such as "cpu", "cuda:1".
            bundle_dirs: where bundles are looked for by name, before the built-in ones.
            precision: "float32", "bfloat16", or "auto": on the CPU what `segmentation.precision` chooses, which may
                take a minute. None, and elsewhere "auto" as well: float16 on a GPU, else float32.
            choices_dir: where choices are kept.
            backend: "torch", "openvino" where OpenVINO runs such networks, or "auto": on the CPU what
                `segmentation.precision` chooses. None, and on a GPU every one: torch.
            compiles: have torch compile it once some images were encoded, which pays on a GPU; where torch cannot,
                it goes on as before.

        Raises:
            BundleError: the bundle cannot be found or loaded.
            DeviceUnavailable: torch does not see `device`.
            OpenVinoUnavailable: OpenVINO is asked for by name, on the CPU, and is not installed.
            ValueError: there is no such precision, or no such back end.
        """
        if precision not in (None, precisions.AUTO, precisions.FLOAT32, precisions.BFLOAT16):
            raise ValueError(f"precision must be auto, float32 or bfloat16, got {precision!r}")
        if backend not in (None, precisions.AUTO, precisions.TORCH, precisions.OPENVINO):
            raise ValueError(f"backend must be auto, torch or openvino, got {backend!r}")
        self.bundle = Bundle.open(find_bundle(bundle, bundle_dirs))
        self.manifest = self.bundle.manifest
        self.device = pick_device(device)
        self.model = load_model(self.bundle).to(self.device)
        self.choice: precisions.Choice | None = None
        self.precision, self.backend = self._usual_precision, precisions.TORCH
        self._encode_image: EncodeImage = self.model.encode_image
        if self.device.type == "cpu":
            self._choose(backend or precisions.TORCH, precision or self._usual_precision, choices_dir)
        elif precision in (precisions.FLOAT32, precisions.BFLOAT16):
            self.precision = precision
        # How the last embedding was computed: what is not finite is computed once more, exactly.
        self.last_way = precisions.Way(self.backend, self.precision)
        self.is_compiled = False
        self._compiles = compiles and self.backend == precisions.TORCH
        self._count = 0

    def use(self, way: precisions.Way) -> None:
        """Computes in this way from now on. On the CPU only.

        Raises:
            OpenVinoUnavailable: it is OpenVINO's, which is not installed.
            RuntimeError: OpenVINO cannot run this network here. All stays as it was.
        """
        if way.backend == precisions.OPENVINO:
            self._encode_image = precisions.encoder_by(self.model, self.manifest, way)
        else:
            self._encode_image = self.model.encode_image
        self.backend, self.precision = way

    def _choose(self, backend: str, precision: str, choices_dir: Path | None) -> None:
        """Settles how it computes on the CPU. Where OpenVINO fails at this network, torch runs it, in float32."""
        ways = precisions.ways(self.model, self.manifest, backend, precision)
        if len(ways) > 1 or precision == precisions.AUTO:
            self.choice = precisions.choose(self.model, self.manifest, ways, choices_dir)
        try:
            self.use(self.choice.way if self.choice else ways[0])
        except RuntimeError as error:
            logger.warning("OpenVINO does not run %s, torch does: %s", self.manifest.name, error)
            self.use(precisions.EXACT)

    @property
    def place(self) -> str:
        """Device, precision and back end, for people: "cpu", or "cpu in bfloat16", or "cpu in bfloat16 by OpenVINO".
        Torch, and the precision that it usually has on the device, are not named."""
        is_usual = self.precision == self._usual_precision
        if self.backend == precisions.OPENVINO:
            return f"{self.device} in {self.precision} by OpenVINO"
        return str(self.device) if is_usual else f"{self.device} in {self.precision}"

    @property
    def _usual_precision(self) -> str:
        return precisions.FLOAT16 if self.device.type == "cuda" else precisions.FLOAT32

    def encode(self, image: NDArray[np.uint8], dtype: DTypeLike = np.float16) -> dict[str, NDArray[Any]]:
        """Computes an image's embedding.

        Args:
            image: (H, W, 3) uint8, RGB, upright.
            dtype: float16 (what is stored) or float32.

        Returns:
            name -> (C, h, w), the manifest's names and shapes.

        Raises:
            ImageMalformed: `image` is something else.
            EmbeddingNotFinite: the result holds NaN or infinite values, in float32 too.
        """
        manifest = self.manifest
        pixels = torch.from_numpy(
            preprocess(image, manifest.input_side, manifest.pixel_mean, manifest.pixel_std, manifest.fit)
        ).to(self.device)
        embedding, self.last_way = self._run(pixels), precisions.Way(self.backend, self.precision)
        if not _is_finite(embedding, dtype) and self.last_way != precisions.EXACT:
            self.last_way = precisions.EXACT
            embedding = precisions.run(self.model.encode_image, pixels, precisions.FLOAT32)
        if not _is_finite(embedding, dtype):
            raise EmbeddingNotFinite(
                f"bundle {self.manifest.name} gave an embedding that is not finite in {dtype}"
            )
        return {name: tensor[0].cpu().numpy().astype(dtype) for name, tensor in embedding.items()}

    def _run(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        self._count += 1
        if self._compiles and not self.is_compiled and self._count > COMPILE_AFTER:
            compiled = torch.compile(self.model.encode_image, dynamic=False)
            try:
                embedding = precisions.run(compiled, pixels, self.precision)
            except Exception as error:  # whatever compilers, drivers and networks come to
                self._compiles = False
                logger.warning("%s cannot be compiled, and stays slower: %s", self.manifest.name, error)
            else:
                self._encode_image, self.is_compiled = compiled, True
                return embedding
        if self.backend == precisions.OPENVINO:
            return self._encode_image(pixels)
        return precisions.run(self._encode_image, pixels, self.precision)


def pick_device(device: str = "auto") -> torch.device:
    """The torch.device for a name; "auto" is a GPU when torch sees one, else the CPU.

    Raises:
        DeviceUnavailable: torch does not see it, or does not know the name.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except RuntimeError:
        raise DeviceUnavailable(f"torch knows no device {device!r}; try auto, cpu or cuda") from None
    if picked.type == "cuda" and (picked.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f"torch sees {torch.cuda.device_count()} CUDA devices, {device!r} is not among them"
        )
    return picked


def check_image(image: NDArray[np.uint8]) -> None:
    """Raises ImageMalformed for what is not (H, W, 3) uint8 with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageMalformed(f"image must be a numpy array of uint8 (0..255), got {kind}")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ImageMalformed(
            f"image must be (H, W, 3), RGB, with at least one pixel, got shape {image.shape}"
        )


def preprocess(
    image: NDArray[np.uint8],
    side: int,
    pixel_mean: tuple[float, ...],
    pixel_std: tuple[float, ...],
    fit: str = PAD,
) -> NDArray[np.float32]:
    """What the image encoder is fed: the image scaled to `side`, normalised.

    PAD: the longest side to `side`, padded with zeros below and to the right. Resized by Pillow, bilinear with its
    antialiasing, on 8-bit values: what ResizeLongestSide's torchvision calls for such images. Source: segment-anything,
    utils/transforms.py, apply_image, and modeling/sam.py, preprocess.

    STRETCH: both sides to `side`. Bilinear with antialiasing as well, but in float32: what torchvision's Resize does
    with a tensor. Source: sam2, utils/transforms.py.

    Args:
        image: (H, W, 3) uint8, RGB; not modified.
        side: pixels.
        pixel_mean, pixel_std: R, G, B in 0..255.
        fit: PAD or STRETCH of `segmentation.frames`.

    Returns:
        (1, 3, side, side).

    Raises:
        ImageMalformed: `image` is not (H, W, 3) uint8 with at least one pixel.
    """
    check_image(image)
    mean, std = np.array(pixel_mean, np.float32), np.array(pixel_std, np.float32)
    if fit == STRETCH:
        # One channel after the other: float32 of a 50 megapixel image is 200 MB a channel.
        channels = [_stretched(image[:, :, k], side) for k in range(3)]
        return ((np.stack(channels) - mean[:, None, None]) / std[:, None, None])[None]
    height, width = ModelFrame(image.shape[0], image.shape[1], side).input_hw
    resized = Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BILINEAR)
    normalised = (np.asarray(resized, np.float32) - mean) / std
    padded = np.zeros((1, 3, side, side), np.float32)
    padded[0, :, :height, :width] = normalised.transpose(2, 0, 1)
    return padded


def _stretched(channel: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    values = torch.from_numpy(np.ascontiguousarray(channel, np.float32))[None, None]  # (1, 1, H, W)
    resized = torch.nn.functional.interpolate(values, (side, side), mode="bilinear", antialias=True)
    return resized[0, 0].numpy()


def _is_finite(embedding: dict[str, torch.Tensor], dtype: DTypeLike) -> bool:
    limit = np.finfo(dtype).max
    return all(bool((tensor.abs() <= limit).all()) for tensor in embedding.values())
