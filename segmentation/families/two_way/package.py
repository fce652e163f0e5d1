"""All that the page's session for a two-way decoder runs, which a decoder package carries.

`image`, `click-token`, `click-token-mask`, `click-head`, `click-head-mask`, `tail` are ONNX graphs, `weights.bin` holds
the constants they share (as ONNX external data), `tail-plain.wasm`, `tail-relaxed.wasm`, `tail-weights` are the tail as
a kernel, `click-plain.wasm`, `click-relaxed.wasm`, `click-weights` the click, `tail-hq-weights` what HQ-SAM adds to the
tail. The metadata carry `embedding_shapes`, a JSON object of name -> [C, h, w], by which the session knows HQ-SAM and
SAM 2, and `own_tokens`, how many tokens are the decoder's own.
"""

import json

from segmentation.families.family import DecoderFiles
from segmentation.families.two_way import click_kernel, tail_kernel
from segmentation.families.two_way.algebra import Algebra
from segmentation.families.two_way.click_graph import Form, build_click_graph
from segmentation.families.two_way.graph import SHARED_WEIGHTS, SharedWeights
from segmentation.families.two_way.image_graph import build_image_graph
from segmentation.families.two_way.session import FastDecoder
from segmentation.families.two_way.tail_graph import build_tail_graph
from segmentation.families.two_way.weights import DecoderWeights

CLICK_GRAPHS: dict[str, tuple[Form, bool]] = {
    "click-token": ("token", False),
    "click-token-mask": ("token", True),
    "click-head": ("head", False),
    "click-head-mask": ("head", True),
}


def build_graphs(weights: DecoderWeights) -> dict[str, bytes]:
    """Name -> content of all that a package holds."""
    algebra, shared = Algebra(weights), SharedWeights()
    builders = {"image": build_image_graph(algebra, shared)}
    for name, (form, mask_prompt) in CLICK_GRAPHS.items():
        builders[name] = build_click_graph(algebra, form, mask_prompt, shared)
    builders["tail"] = build_tail_graph(algebra, shared)
    files = {name: builder.model().SerializeToString() for name, builder in builders.items()}
    files |= tail_kernel.kernel_files(weights) | click_kernel.kernel_files(algebra, shared)
    return {**files, SHARED_WEIGHTS: bytes(shared.data)}


def decoder_files(weights: DecoderWeights) -> DecoderFiles:
    """The package's files."""
    metadata = {
        "embedding_shapes": json.dumps(weights.embedding_shapes()),
        "own_tokens": str(len(weights.own_tokens())),
    }
    return DecoderFiles(build_graphs(weights), metadata)


def open_session(package: DecoderFiles, session: type[FastDecoder] = FastDecoder) -> FastDecoder:
    """A session over the package's graphs. Raises ValueError or KeyError where it is no package of `decoder_files`."""
    return session(package.files, own_tokens=int(package.metadata["own_tokens"]))
