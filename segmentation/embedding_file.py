"""An image embedding as bytes: named float16 tensors in the safetensors format.

safetensors: 8 bytes with the header's length (little-endian), the header as JSON (name -> dtype, shape,
offsets; `__metadata__`), the tensors one after the other. Its header is padded to 8 bytes, so a browser can
lay a typed array over the bytes without copying. The header also has the CRC-32 of all that follows it (ISO
3309, as zlib computes it), by which both readers notice a disk that has changed bytes. float16 halves what is
stored and what the browser downloads per image; `as_int8` halves the download again, at a price that
docs/decoder.md states.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from segmentation.bundle import BundleDigestMismatch
from segmentation.errors import SegmentationError
from segmentation.regions import Region, region_from_text

FORMAT = "maskwright-embedding/1"
INT8_LEVELS = 255
CRC32 = "crc32"  # of the bytes after the header, 8 hexadecimal digits
SCALE, OFFSET = ".scale", ".offset"  # after a tensor's name: those of its int8 form, (C,) float32 each


class EmbeddingFileInvalid(SegmentationError):
    """The bytes are not an embedding file, or are damaged."""

    code = "embedding_file_invalid"


@dataclass(frozen=True)
class EmbeddingFile:
    """What an embedding file holds.

    tensors         name -> (C, h, w) float16
    bundle_digest   the bundle that computed it
    image_height, image_width   of the image it was computed from, in image pixels
    region          the part of the image that it was computed from; None: the whole
    precision       in which it was computed, such as "bfloat16"; "" where nobody has said
    backend         what ran the encoder, "torch" or "openvino"; "" where nobody has said
    """

    tensors: Mapping[str, NDArray[np.float16]]
    bundle_digest: str
    image_height: int
    image_width: int
    region: Region | None = None
    precision: str = ""
    backend: str = ""

    @property
    def image_hw(self) -> tuple[int, int]:
        return self.image_height, self.image_width


def write_embedding(
    tensors: Mapping[str, NDArray[Any]],
    bundle_digest: str,
    image_hw: tuple[int, int],
    region: Region | None = None,
    precision: str = "",
    backend: str = "",
) -> bytes:
    """Packs an embedding.

    Args:
        tensors: name -> (C, h, w); stored as float16.
        bundle_digest: digest of the bundle that computed them.
        image_hw: (height, width) of the image, in image pixels.
        region: the part of the image that they were computed from; None: the whole.
        precision: in which they were computed.
        backend: what ran the encoder.

    Raises:
        ValueError: there are no tensors, or one holds a value that is not finite in float16.
    """
    if not tensors:
        raise ValueError("an embedding has at least one tensor")
    with np.errstate(over="ignore"):  # said below, with the tensor's name
        halves = {name: np.ascontiguousarray(tensor, dtype=np.float16) for name, tensor in tensors.items()}
    for name, tensor in halves.items():
        if not np.isfinite(tensor).all():
            raise ValueError(f"tensor {name!r} holds values that are not finite in float16")
    return _packed(halves, _metadata(bundle_digest, image_hw, region, precision, backend))


def read_embedding(content: bytes, expected_bundle_digest: str | None = None) -> EmbeddingFile:
    """Unpacks an embedding.

    Args:
        content: a whole embedding file.
        expected_bundle_digest: digest of the bundle it is wanted for; None takes any.

    Raises:
        EmbeddingFileInvalid: the bytes are cut off, damaged, or something else.
        BundleDigestMismatch: another bundle computed it.
    """
    try:
        tensors = _from_int8(safetensors.numpy.load(content))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingFileInvalid(f"not an embedding file: {error}") from None
    # load has checked the header; it only keeps the metadata to itself.
    header_length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + header_length]).get("__metadata__") or {}
    if metadata.get("format") != FORMAT:
        raise EmbeddingFileInvalid(
            f"not an embedding file: its format is {metadata.get('format')!r}, not {FORMAT!r}"
        )
    # Files of former versions have none.
    if CRC32 in metadata and metadata[CRC32] != checksum(memoryview(content)[8 + header_length :]):
        raise EmbeddingFileInvalid("the embedding file is damaged: its bytes are not those that were written")
    try:
        image_hw = int(metadata["image_height"]), int(metadata["image_width"])
        file = EmbeddingFile(
            tensors=tensors,
            bundle_digest=metadata["bundle_digest"],
            image_height=image_hw[0],
            image_width=image_hw[1],
            region=region_from_text(metadata["region"], image_hw) if "region" in metadata else None,
            precision=metadata.get("precision", ""),
            backend=metadata.get("backend", ""),
        )
    except (KeyError, ValueError) as error:
        raise EmbeddingFileInvalid(f"not an embedding file: its header lacks or garbles {error}") from None
    if expected_bundle_digest is not None and file.bundle_digest != expected_bundle_digest:
        raise BundleDigestMismatch(
            f"the embedding was computed by bundle {file.bundle_digest}, it is wanted for {expected_bundle_digest}; "
            "compute it again with the present bundle"
        )
    return file


def as_int8(content: bytes) -> bytes:
    """The same file with a byte for every value, as the browser may be sent it.

    Every channel has its own scale and offset: value = scale * level + offset, level in -128..127. The error is at most
    half a scale, 1/510 of the channel's range. Both readers, `read_embedding` and the page's, take either form.

    Args:
        content: an embedding file of `write_embedding`.

    Raises:
        EmbeddingFileInvalid: the bytes are something else.
    """
    file = read_embedding(content)
    parts: dict[str, NDArray] = {}
    for name, halves in file.tensors.items():
        values = halves.astype(np.float32)  # (C, h, w)
        low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
        scale = np.where(high > low, (high - low) / INT8_LEVELS, 1).astype(np.float32)
        offset = (low + 128 * scale).astype(np.float32)
        levels = np.rint((values - offset[:, None, None]) / scale[:, None, None])
        parts[name] = np.clip(levels, -128, 127).astype(np.int8)
        parts[name + SCALE], parts[name + OFFSET] = scale, offset
    metadata = _metadata(file.bundle_digest, file.image_hw, file.region, file.precision, file.backend)
    return _packed(parts, metadata)


def checksum(content: bytes | memoryview) -> str:
    """CRC-32 of bytes as 8 hexadecimal digits."""
    return f"{zlib.crc32(content):08x}"


def _packed(parts: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """The file, with its checksum. The same tensors give the same bytes, which the library's own order of metadata does
    not."""
    content = safetensors.numpy.save(dict(parts))
    start = 8 + int.from_bytes(content[:8], "little")
    body = content[start:]
    entries = json.loads(content[8:start])
    entries.pop("__metadata__", None)
    header = json.dumps(
        {"__metadata__": {**metadata, CRC32: checksum(body)}, **entries}, separators=(",", ":")
    )
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + body


def _from_int8(parts: dict[str, NDArray]) -> dict[str, NDArray[np.float16]]:
    """The tensors as float16, whichever form they have in the file."""
    tensors = {}
    for name, tensor in parts.items():
        if tensor.dtype == np.int8:
            scale, offset = parts[name + SCALE], parts[name + OFFSET]
            tensors[name] = (tensor * scale[:, None, None] + offset[:, None, None]).astype(np.float16)
        elif not (name.endswith((SCALE, OFFSET)) and name.rpartition(".")[0] in parts):
            tensors[name] = tensor
    return tensors


def _metadata(
    bundle_digest: str, image_hw: tuple[int, int], region: Region | None, precision: str, backend: str
) -> dict[str, str]:
    metadata = {
        "format": FORMAT,
        "bundle_digest": bundle_digest,
        "image_height": str(int(image_hw[0])),
        "image_width": str(int(image_hw[1])),
    }
    more = {"region": str(region) if region else "", "precision": precision, "backend": backend}
    return metadata | {key: text for key, text in more.items() if text}
