"""An installed bundle's image encoder, as the settings say that this machine runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from annotator.bundles.folders import folder_of
from annotator.models import Bundle

if TYPE_CHECKING:
    from segmentation.encoder import ImageEncoder


def open_encoder(bundle: Bundle) -> ImageEncoder:
    """Loads it. The first time on a machine it may be measured in which precision and by what: up to a minute.

    Raises:
        FileNotFoundError: the bundle's files are lost.
        BundleError, DeviceUnavailable, OpenVinoUnavailable: as `segmentation.encoder.ImageEncoder`.
    """
    from segmentation.encoder import ImageEncoder, pick_device  # torch comes in here

    return ImageEncoder(
        folder_of(bundle),
        device=settings.DEVICE,
        precision=settings.ENCODER_PRECISION,
        backend=settings.ENCODER_BACKEND,
        choices_dir=settings.PRECISIONS_DIR,
        compiles=settings.ENCODER_COMPILE and pick_device(settings.DEVICE).type == "cuda",
    )


def forget_choices(bundle: Bundle) -> None:
    """What was measured for the bundle, on any machine, is measured again when its encoder is opened next."""
    for file in settings.PRECISIONS_DIR.glob(f"{bundle.digest}-*.json"):
        file.unlink(missing_ok=True)
