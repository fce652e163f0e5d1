"""`manage.py segment`: one object of one picture, without a browser."""

from __future__ import annotations

import argparse
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from PIL import Image as Pillow

from annotator.bundles import catalogue, decoders
from annotator.bundles.folders import folder_of
from annotator.embeddings import store as embedding_store
from annotator.embeddings.which_bundle import bundle_of
from annotator.errors import MaskwrightError
from annotator.media.pixels import prepare, read_pixels
from annotator.models import Bundle, Image
from segmentation import masks, rle
from segmentation.atomic_file import replacing
from segmentation.bundle import BUILT_IN_BUNDLE
from segmentation.errors import SegmentationError
from segmentation.prompts import candidate_order

if TYPE_CHECKING:
    from segmentation.predictor import Predictor


class Command(BaseCommand):
    help = (
        "Segments one object: points and a box in, a mask out as a black and white PNG. Shows what the workbench "
        "would: the same model, the same choice among the candidates."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("image", help="Path of a picture, or the id of an image.")
        parser.add_argument(
            "--point",
            action="append",
            type=parse_point,
            default=[],
            metavar="X,Y,LABEL",
            help="In image pixels; label 1 is foreground (may be left out), 0 background. May be given several times.",
        )
        parser.add_argument("--box", type=parse_box, metavar="X0,Y0,X1,Y1", help="In image pixels.")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE.png")
        parser.add_argument("--bundle", help="Name or folder; default: the project's, else the default one.")
        parser.add_argument(
            "--candidate", type=int, metavar="N", default=1, help="1 is the first choice (default)."
        )

    def handle(
        self,
        *,
        image: str,
        point: list[tuple[float, float, int]],
        box: tuple[float, ...] | None,
        output: Path,
        bundle: str | None,
        candidate: int,
        **options: Any,
    ) -> None:
        if not point and box is None:
            raise CommandError("give at least one --point or a --box")
        try:
            predictor, image_hw = self._predictor(image, bundle)
            check_inside(image_hw, point, box)
            low_res_logits, iou_predictions = predictor.predict_raw(
                [(x, y) for x, y, _ in point] or None, [label for _, _, label in point] or None, box
            )
            order = candidate_order(
                iou_predictions, predictor.manifest.outputs, len(point), box is not None, low_res_logits
            )
            if not 1 <= candidate <= len(order):
                raise CommandError(f"--candidate is 1 to {len(order)} for this prompt, got {candidate}")
            output_index = order[candidate - 1]
            logits = masks.postprocess(low_res_logits[[output_index]], predictor.present_frame())  # (1, H, W)
            threshold = predictor.manifest.mask_threshold
            mask = logits[0] > threshold
            with replacing(output) as temporary:
                Pillow.fromarray(mask.astype(np.uint8) * 255).save(temporary, "PNG")
        except (MaskwrightError, SegmentationError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename or output}: {error.strerror or error}") from error
        encoded = rle.encode(mask)
        self.stdout.write(
            f"{output}: candidate {candidate} of {len(order)} (decoder output {output_index}), "
            f"predicted IoU {iou_predictions[output_index]:.3f}, "
            f"stability score {masks.stability_score(logits, threshold)[0]:.3f}, "
            f"{rle.area(encoded)} pixels, box (x, y, width, height) {[int(v) for v in rle.bbox_xywh(encoded)]}"
        )
        if not mask.any():
            self.stderr.write("The mask is empty: nothing was found for this prompt.")

    def _predictor(self, image: str, bundle: str | None) -> tuple[Predictor, tuple[int, int]]:
        """A predictor with its image set, and the image's (height, width)."""
        from segmentation.predictor import load_predictor

        path = Path(image)
        if image.isdigit() and not path.exists():
            row = Image.objects.select_related("project__bundle").filter(pk=int(image)).first()
            if row is None:
                raise CommandError(f"there is no image {image}, and no file of that name")
            used = catalogue.by_name(bundle) if bundle else bundle_of(row.project)
            decoder = decoders.local_decoder(used) if decoders.is_exported(used) else None
            predictor = load_predictor(folder_of(used), decoder_path=decoder)
            if content := embedding_store.whole_file(used.digest, row.digest):
                from segmentation.embedding_file import read_embedding

                stored = read_embedding(content, used.digest)
                predictor.set_embedding(stored.tensors, row.hw, used.digest)
            else:
                predictor.set_image(read_pixels(row))
            return predictor, row.hw

        with open(path, "rb") as file:
            prepared = prepare(file)  # the same checks and the same upright pixels as an upload's
        with Pillow.open(io.BytesIO(prepared.content)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        from django.conf import settings

        predictor = load_predictor(bundle or _default_bundle_name(), bundle_dirs=tuple(settings.BUNDLE_DIRS))
        predictor.set_image(pixels)
        height, width = pixels.shape[:2]
        return predictor, (height, width)


def parse_point(text: str) -> tuple[float, float, int]:
    parts = text.split(",")
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2].strip() not in ("0", "1")):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not X,Y,LABEL: two numbers in image pixels, then 1 or 0"
        )
    x, y = _finite(parts[:2], text)
    return x, y, int(parts[2]) if len(parts) == 3 else 1


def parse_box(text: str) -> tuple[float, ...]:
    parts = text.split(",")
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not X0,Y0,X1,Y1: four numbers in image pixels")
    x0, y0, x1, y1 = _finite(parts, text)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def check_inside(
    image_hw: tuple[int, int], points: list[tuple[float, float, int]], box: tuple[float, ...] | None
) -> None:
    height, width = image_hw
    corners = [(x, y) for x, y, _ in points] + ([box[:2], box[2:]] if box else [])
    for x, y in corners:
        if not (0 <= x <= width and 0 <= y <= height):
            raise CommandError(f"({x:g}, {y:g}) lies outside the image, which is {width} x {height} pixels")


def _finite(parts: list[str], text: str) -> list[float]:
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} holds something that is no number") from None
    if not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} holds a number that is not finite")
    return numbers


def _default_bundle_name() -> str:
    """The installation's default; the built-in one where there is no database yet."""
    try:
        default = Bundle.objects.default()
    except DatabaseError:
        default = None
    return str(folder_of(default)) if default else BUILT_IN_BUNDLE
