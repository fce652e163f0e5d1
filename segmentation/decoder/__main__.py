"""`python -m segmentation.decoder BUNDLE --output FILE`: export a bundle's decoder."""

import argparse
import sys
from pathlib import Path

from segmentation.bundle import find_bundle
from segmentation.decoder import export_decoder
from segmentation.errors import SegmentationError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m segmentation.decoder", description=__doc__)
    parser.add_argument("bundle", help="a bundle's folder, or the name of a built-in one")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help="the ONNX file to write; a .json beside it says how it compares",
    )
    options = parser.parse_args(arguments)
    try:
        report = export_decoder(find_bundle(options.bundle), options.output)
    except SegmentationError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    print(
        f"{options.output}: {report.size_bytes / 1e6:.1f} MB, bundle {report.bundle_name} {report.bundle_digest[:12]}"
    )
    print(
        f"{report.prompts} prompts against torch: logits differ by at most {report.max_logit_difference:.2g}, "
        f"IoU predictions by {report.max_iou_difference:.2g}, signs of {100 * report.flipped_pixels:.4f} % of pixels"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
