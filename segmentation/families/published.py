"""What converting somebody's published weights has in common in all families: reading them, checking them, the bundle.

Nothing in a file is executed. What a family adds is how its published tensors are called in its network.
"""

import json
import os
import pickle
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from segmentation.bundle import MANIFEST_FILE, BundleError, Manifest, write_manifest
from segmentation.disk_room import SPARE_BYTES

FOLDERS_FILE = "model.safetensors"
_HOLDS_OBJECTS = (
    "Unsupported global"  # what torch says of a name in the file that it does not load with weights_only
)
# What torch's unpickler and the libraries below it raise for bytes that are no checkpoint; found by changing bytes.
_UNREADABLE = (
    RuntimeError, pickle.UnpicklingError, EOFError, ValueError, LookupError, OSError, TypeError, AttributeError,
    AssertionError, ArithmeticError, struct.error, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
FOLDERS_INDEX = FOLDERS_FILE + ".index.json"  # of weights that were published in several files


_SHARED_POSITIONS = "shared_image_embedding.positional_embedding"
_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"


Shape = TypeVar("Shape")


class CheckpointInvalid(BundleError):
    """The file is not a whole checkpoint of the network asked for."""

    code = "checkpoint_invalid"


def read_published(source: Path | str, wrapped_in: Sequence[str] = ()) -> dict[str, Tensor]:
    """Reads published weights: a checkpoint of torch (.pt, .pth), a safetensors file, or a folder with one as Hugging
    Face's are.

    Args:
        source: the file or the folder.
        wrapped_in: keys under one of which a torch checkpoint of this family may hold its state dict, instead of being
            one.

    Raises:
        CheckpointInvalid: missing, cut off, or something else.
    """
    source = Path(source)
    if source.is_dir():
        return _read_folder(source)
    if not source.is_file():
        raise CheckpointInvalid(f"there is no file {source}")
    if source.suffix == ".safetensors":
        return _read_safetensors(source)
    return _read_torch(source, wrapped_in)


def shape_of(variant: str, variants: Mapping[str, Shape], published: Iterable[str] = ()) -> Shape:
    """The network of a variant.

    Args:
        published: names of those that can be converted; none: all of `variants`.

    Raises:
        CheckpointInvalid: there is no such variant.
    """
    known = list(published or variants)
    if variant not in known:
        raise CheckpointInvalid(f"variant must be one of {', '.join(known)}, got {variant!r}")
    return variants[variant]


def with_positions_once(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of transformers' models, which have one matrix in two places; files hold both or one of them."""
    kept = dict(state)
    shared = kept.pop(_SHARED_POSITIONS, None)
    if shared is not None:
        kept.setdefault(_POSITIONS, shared)
    return kept


def fitted(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors in the network's order, as float32, once they are known to be the network's, each whole.

    Args:
        state: by the network's names; float16 and bfloat16 are taken too.
        network: may be on the meta device.

    Raises:
        CheckpointInvalid: a tensor is missing, left over, of another shape, or holds a value that is not finite.
    """
    expected = network.state_dict()
    missing, unexpected = sorted(expected.keys() - state), sorted(state.keys() - expected)
    if missing or unexpected:
        raise CheckpointInvalid(
            f"not a checkpoint of this network: {len(missing)} tensors are missing {_some(missing)}, "
            f"{len(unexpected)} are not known {_some(unexpected)}"
        )
    fitting = {}
    for name, wanted in expected.items():
        tensor = state[name]
        if not _is_plain(tensor):
            raise CheckpointInvalid(f"{name} is sparse, nested or without values, not a plain tensor")
        if tensor.shape != wanted.shape:
            raise CheckpointInvalid(
                f"{name} is {tuple(tensor.shape)}, this network has {tuple(wanted.shape)}"
            )
        if not tensor.is_floating_point():
            raise CheckpointInvalid(f"{name} holds {tensor.dtype}, not real numbers")
        # float64 may hold what float32 does not; a file may store tensors as views of one another, which safetensors
        # refuses.
        fitting[name] = _finite(name, tensor.float()).clone().contiguous()
    return fitting


def write_bundle(
    output: Path | str, state: Mapping[str, Tensor], fields: Mapping[str, Any], half: bool = False
) -> Manifest:
    """Writes a bundle's folder, whole or not at all.

    Args:
        output: the folder, which must not exist yet (`require_free`).
        state: the network's tensors.
        fields: of the manifest, for `segmentation.bundle.write_manifest`.
        half: store float16.

    Raises:
        BundleError: the folder exists already, or its disk has no room.
        CheckpointInvalid: with `half`, a value is larger than float16 holds (65504).
    """
    output = Path(output)
    require_free(output)
    stored = {name: _finite(name, tensor.half()) if half else tensor for name, tensor in state.items()}
    output.parent.mkdir(parents=True, exist_ok=True)
    _require_space(output.parent, sum(tensor.nbytes for tensor in stored.values()))
    # Beside its final place, so that the last step is one rename.
    being_made = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent))
    try:
        weights = being_made / "weights.safetensors"
        safetensors.torch.save_file(stored, weights)
        manifest = write_manifest(being_made, fields)
        # mkdtemp and safetensors make things that only their owner may read; the manifest has the usual rights.
        rights = (being_made / MANIFEST_FILE).stat().st_mode & 0o777
        weights.chmod(rights)
        being_made.chmod(rights | (rights & 0o444) >> 2)
        os.rename(being_made, output)
    finally:
        shutil.rmtree(being_made, ignore_errors=True)
    return manifest


def _require_space(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if wanted + SPARE_BYTES > free:
        raise BundleError(
            f"the bundle takes {wanted / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free in {folder}: "
            "make room and try again"
        )


def require_free(output: Path | str) -> None:
    """Raises BundleError where the folder of a bundle exists already: before minutes are spent on converting."""
    if Path(output).exists():
        raise BundleError(f"{output} exists already; choose another folder or delete it first")


def _read_torch(path: Path, wrapped_in: Sequence[str]) -> dict[str, Tensor]:
    is_zip = _is_zip(path)
    try:
        if is_zip:
            _require_whole_zip(path)
        # weights_only: tensors and containers, no code.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except _UNREADABLE as error:
        if _HOLDS_OBJECTS in str(error):
            raise CheckpointInvalid(
                f"{path} holds Python objects besides tensors. Loading such a file can run code of whoever made it, so "
                "it is refused; save its state dict alone (torch.save(model.state_dict(), FILE)) where it was made"
            ) from error
        raise CheckpointInvalid(
            f"{path} ({path.stat().st_size} bytes) cannot be read as a checkpoint: it is cut off, damaged or something "
            f"else; download it again and compare its size ({_why_unreadable(path, error)})"
        ) from error
    if isinstance(state, dict):
        state = next((state[key] for key in wrapped_in if isinstance(state.get(key), dict)), state)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        held = sorted(map(str, state))[:5] if isinstance(state, dict) else type(state).__name__
        raise CheckpointInvalid(
            f"{path} is not a state dict as Meta publishes it (names to tensors); it holds {held}"
        )
    if is_zip:
        _require_whole_storages(path, state)
    return state


def _why_unreadable(path: Path, error: Exception) -> str:
    """What is the matter with a file that torch does not read: how it begins, or torch's own words."""
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return "it is empty"
    if head[:1] != b"\x80" and head[:2] != b"PK":
        shown = repr(head.decode("ascii")) if head.isascii() and head.strip(b"\0") else head.hex(" ")
        return f"it begins with {shown}, as no checkpoint does"
    lines = str(error).strip().splitlines()
    # torch advises to load it with weights_only=False, which runs the code in a file.
    if not lines or "weights_only" in lines[0]:
        return type(error).__name__
    return f"{lines[0]:.200}"


def _require_whole_storages(path: Path, state: Mapping[str, Tensor]) -> None:
    """A mapped storage that is longer than its record in the zip would go on with its neighbour's bytes."""
    with zipfile.ZipFile(path) as archive:
        recorded = {entry.file_size for entry in archive.infolist()}
    for name, tensor in state.items():
        if not _is_plain(tensor):
            continue  # `fitted` refuses them by name
        size = tensor.untyped_storage().nbytes()
        if size and size not in recorded:
            raise CheckpointInvalid(
                f"{path} is damaged: {name} wants {size} bytes, and no part of the file has as many; download it again"
            )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointInvalid(
            f"{path} ({path.stat().st_size} bytes) cannot be read as safetensors: it is cut off, damaged or something "
            f"else; download it again and compare its size ({str(error):.200})"
        ) from error


def _read_folder(folder: Path) -> dict[str, Tensor]:
    if (folder / FOLDERS_FILE).is_file():
        return _read_safetensors(folder / FOLDERS_FILE)
    index = folder / FOLDERS_INDEX
    if not index.is_file():
        raise CheckpointInvalid(
            f"{folder} has no {FOLDERS_FILE}: it is not a folder as Hugging Face publishes one, or its download is not "
            "complete"
        )
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        parts = [folder / Path(name).name for name in sorted(names)]  # beside the index, nowhere else
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointInvalid(f"{index} does not list the weights' files: {error}") from error
    state: dict[str, Tensor] = {}
    for part in parts:
        if not part.is_file():
            raise CheckpointInvalid(f"{folder} lacks {part.name}: its download is not complete")
        state |= _read_safetensors(part)
    return state


def _is_plain(tensor: Tensor) -> bool:
    """Whether its values lie in one piece of memory of its own kind."""
    return tensor.layout == torch.strided and not tensor.is_nested and not tensor.is_meta


def _finite(name: str, tensor: Tensor) -> Tensor:
    if tensor.isfinite().all():
        return tensor
    raise CheckpointInvalid(
        f"{name} holds values that are not finite (NaN or infinite) or too large for {tensor.dtype}: the training that "
        "made it failed, or the file is damaged; download it again or take another one"
    )


def _require_whole_zip(path: Path) -> None:
    """torch maps a zip without looking at its checksums. Raises ValueError."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"its part {damaged} has another checksum than it says")


def _some(names: list[str]) -> str:
    return "" if not names else f"({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def _is_zip(path: Path) -> bool:
    # torch's present format is a zip, which can be mapped instead of read: ViT-H then needs its 2.5 GB only once.
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"
