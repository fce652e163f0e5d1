"""What is known of a decoder file without running it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segmentation.errors import SegmentationError

FORMAT = "maskwright-decoder/1"


class DecoderMismatch(SegmentationError):
    """A decoder file does not compute what its bundle does, or belongs to another bundle."""

    code = "decoder_mismatch"


@dataclass(frozen=True)
class DecoderReport:
    """How an exported decoder compares with torch.

    sha256, size_bytes      of the file
    opset                   ONNX operator set
    prompts                 how many prompts were compared, all outputs of each
    max_logit_difference    largest |difference| of a logit, in logits
    max_relative_logit_difference   the same, by prompt, over max(1, largest |logit| of torch's)
    max_iou_difference      largest |difference| of an iou_prediction
    flipped_pixels          low-res pixels whose sign differs, of all compared
    logit_tolerance, iou_tolerance  what max_relative_logit_difference and max_iou_difference must not exceed
    """

    bundle_name: str
    bundle_digest: str
    family: str
    sha256: str
    size_bytes: int
    opset: int
    prompts: int
    max_logit_difference: float
    max_relative_logit_difference: float
    max_iou_difference: float
    flipped_pixels: float
    logit_tolerance: float
    iou_tolerance: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_decoder_metadata(path: Path | str) -> dict[str, str]:
    """The file's metadata_props: format, bundle_digest, bundle_name, family, input_side, low_res_side, mask_threshold.

    Raises:
        DecoderMismatch: the file is not an ONNX file, or not one made by `export_decoder`.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path))
    except (DecodeError, OSError) as error:
        raise DecoderMismatch(f"{path} is not a readable ONNX file: {error}") from None
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    check_metadata(metadata, path)
    return metadata


def check_metadata(metadata: dict[str, str], path: Path | str, bundle_digest: str | None = None) -> None:
    """Refuses metadata that is not a decoder's, or is another bundle's.

    Raises:
        DecoderMismatch
    """
    if metadata.get("format") != FORMAT:
        raise DecoderMismatch(
            f"{path} is not a decoder of this format ({metadata.get('format')!r}, not {FORMAT!r}); "
            "make it with python -m segmentation.decoder"
        )
    if bundle_digest is not None and metadata.get("bundle_digest") != bundle_digest:
        raise DecoderMismatch(
            f"{path} is the decoder of bundle {metadata.get('bundle_digest')}, it is wanted for {bundle_digest}; "
            "export it again from the present bundle"
        )
