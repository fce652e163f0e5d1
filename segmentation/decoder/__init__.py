"""A bundle's prompt encoder and mask decoder as files that the annotator's browser runs: an ONNX graph, and, where the
family has more, a decoder package (`package`).

It knows no family: it asks the bundle's row. Importing this package loads neither torch nor onnx; exporting does.
"""

from segmentation.decoder.decoder_file import DecoderMismatch, DecoderReport, read_decoder_metadata
from segmentation.decoder.export import export_decoder

__all__ = ["DecoderMismatch", "DecoderReport", "export_decoder", "read_decoder_metadata"]
