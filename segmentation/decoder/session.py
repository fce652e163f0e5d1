"""Runs an exported decoder in Python's onnxruntime."""

from pathlib import Path
from typing import Any

from segmentation.decoder.decoder_file import DecoderMismatch, check_metadata


def open_decoder(path: Path | str, bundle_digest: str) -> Any:
    """onnxruntime's session on a decoder file, on the CPU.

    Raises:
        DecoderMismatch: the file is missing, not a decoder, or of another bundle.
    """
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime's exceptions have no common class of their own below Exception.
        raise DecoderMismatch(f"onnxruntime cannot load {path}: {error}") from error
    check_metadata(session.get_modelmeta().custom_metadata_map, path, bundle_digest)
    return session
