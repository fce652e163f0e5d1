"""Writes a bundle's fast decoder; SAM's graphs are compared with torch before anybody sees them."""

from pathlib import Path

from segmentation import atomic_file
from segmentation.bundle import Manifest, load_manifest
from segmentation.onnx import pocket_kernel
from segmentation.onnx.decoder_file import DecoderMismatch
from segmentation.onnx.fast import FAST_FAMILIES
from segmentation.onnx.fast.package import write_package


def has_fast_decoder(manifest: Manifest) -> bool:
    """Whether there is a faster form of the bundle's decoder than one graph."""
    return manifest.family in FAST_FAMILIES


def export_fast_decoder(bundle_dir: Path | str, out_path: Path | str) -> None:
    """Exports a bundle's fast decoder.

    For SAM both forms of the click graph are compared with torch. For pocket the weights are written as they are: the
    kernel that reads them is always the same, and tests compare it with torch.

    Args:
        bundle_dir: a bundle for which `has_fast_decoder`.
        out_path: where the package goes, whole or not at all.

    Raises:
        BundleError: the bundle cannot be loaded.
        DecoderMismatch: an answer differs from torch's by more than `segmentation.onnx.parity` tolerates; no file is
            left behind.
    """
    import safetensors
    import torch

    from segmentation.encoder import preprocess
    from segmentation.families import load_model
    from segmentation.onnx import parity
    from segmentation.onnx.fast.session import FastDecoder
    from segmentation.onnx.fast.weights import from_transformers

    manifest = load_manifest(bundle_dir)
    if not has_fast_decoder(manifest):
        raise DecoderMismatch(
            f"bundle {manifest.name} is of family {manifest.family}: it has no fast decoder"
        )
    model = load_model(bundle_dir, manifest)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    metadata = {"bundle_digest": manifest.digest, "family": manifest.family}
    Path(out_path).parent.mkdir(parents=True, exist_ok=True)
    if manifest.family == "pocket":
        pocket_kernel.write_package(state, out_path, metadata)
        return
    _, grid, _ = manifest.embedding["image_embeddings"]
    weights = from_transformers(state, grid=grid, input_side=manifest.input_side)
    pixels = preprocess(parity.sample_image(), manifest.input_side, manifest.pixel_mean, manifest.pixel_std)
    with torch.inference_mode():
        embedding = {name: t.numpy() for name, t in model.encode_image(torch.from_numpy(pixels)).items()}

    with atomic_file.replacing(Path(out_path)) as temporary:
        write_package(weights, temporary, metadata)
        with safetensors.safe_open(temporary, "numpy") as package:
            files = {name: package.get_tensor(name).tobytes() for name in package.keys()}
        difference = parity.compare(model, FastDecoder(files), manifest, embedding)
        if not difference.is_tolerable:
            raise DecoderMismatch(
                f"the fast decoder of bundle {manifest.name} differs from torch over {difference.prompts} prompts: "
                f"logits by {difference.max_relative_logit_difference:.2g} of their range, IoU predictions by "
                f"{difference.max_iou_difference:.2g}; it was not written"
            )
