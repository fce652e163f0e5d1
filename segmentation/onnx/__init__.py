"""A bundle's prompt encoder and mask decoder as an ONNX file: what the annotator's browser runs.

Importing this package loads neither torch nor onnx; exporting does.
"""

from segmentation.onnx.decoder_file import DecoderMismatch, DecoderReport, read_decoder_metadata
from segmentation.onnx.export import export_decoder

__all__ = ["DecoderMismatch", "DecoderReport", "export_decoder", "read_decoder_metadata"]
