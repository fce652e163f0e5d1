"""The image graph: image embedding -> everything a click needs that no prompt changes. Run once per image."""

import numpy as np

from segmentation.families.two_way.algebra import (
    KEY_NAMES,
    MASK_RANK,
    QUERY_NAMES,
    VALUE_NAMES,
    Algebra,
    after,
    centred,
)
from segmentation.families.two_way.graph import GraphBuilder, SharedWeights
from segmentation.families.two_way.weights import Linear


def image_tensor_shapes(algebra: Algebra) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the image graph's outputs, which are the click graph's inputs (`upscaled`: the tail's).

    keys_i, values_i, queries_i (heads, width, P)   image side of the attentions; 2 is the final one
    gathered_0, gathered_0_carried, gathered_1      inner products of what may be gathered with the image's part
    norms (3, P)                                    |image part of layer 0|^2, of layer 1, its product with a constant
    mask_products (2, 17, P)                        inner products of the mask prompt's basis with both image parts
    upscaled (C, P)                                 the image's part of the first upscaling
    """
    heads = (algebra.heads, algebra.head_width, algebra.positions)
    names = (*KEY_NAMES, *VALUE_NAMES, *QUERY_NAMES, "gathered_0", "gathered_0_carried", "gathered_1")
    return {
        **dict.fromkeys(names, heads),
        "norms": (3, algebra.positions),
        "mask_products": (2, MASK_RANK, algebra.positions),
        "upscaled": (algebra.channels, algebra.positions),
    }


def build_image_graph(algebra: Algebra, shared: SharedWeights | None = None) -> GraphBuilder:
    """Input `image_embeddings` (1, C, grid, grid); outputs as `image_tensor_shapes`."""
    g = GraphBuilder("image", shared)
    shapes = image_tensor_shapes(algebra)
    grid = algebra.weights.grid
    embedding = g.input("image_embeddings", (1, algebra.channels, grid, grid))
    embedding = g.reshape(embedding, algebra.channels, -1)  # (C, P)

    def project(linear: Linear, positions: np.ndarray | None = None) -> str:
        constant = linear.bias[:, None] if positions is None else linear.bias[:, None] + positions
        return g.op("Gemm", g.constant(linear.weight), embedding, g.constant(constant))

    def give(name: str, value: str) -> None:
        shape = shapes[name]
        g.output(g.reshape(value, *shape) if len(shape) == 3 else value, name, shape)

    # Layer 0 sees the embedding itself; a key's bias adds the same to every position's score and drops out.
    no_mask = Linear(np.eye(algebra.channels), algebra.no_mask)
    encoding = algebra.positions_encoding
    keys, queries = algebra.keys(0), algebra.queries(0)
    give("keys_0", project(after(Linear(keys.weight, 0 * keys.bias), no_mask), keys.weight @ encoding))
    give("values_0", project(after(algebra.values(0), no_mask)))
    give("queries_0", project(after(queries, no_mask), queries.weight @ encoding))

    # Later layers: constants of the projections are the click graph's; here only what is linear in the image's part.
    def of_image(layer: int, weight: np.ndarray) -> str:
        image = algebra.image_0 if layer == 0 else algebra.image_1
        return project(after(Linear(weight, np.zeros(len(weight))), image))

    give("keys_1", of_image(0, algebra.normed(0, algebra.keys(1)).weight))
    give("values_1", of_image(0, algebra.normed(0, algebra.values(1)).weight))
    give("queries_1", of_image(0, algebra.normed(0, algebra.queries(1)).weight))
    give("keys_2", of_image(1, algebra.normed(1, algebra.keys(2)).weight))
    give("values_2", of_image(1, algebra.normed(1, algebra.values(2)).weight))
    give("gathered_0", of_image(0, algebra.gathered_basis[0]))
    give("gathered_0_carried", of_image(1, algebra.gathered_basis[0] @ algebra.carried.T))
    give("gathered_1", of_image(1, algebra.gathered_basis[1]))
    give("upscaled", of_image(1, algebra.upscaling.weight))

    image_0, image_1 = project(algebra.image_0), project(algebra.image_1)
    squares = [g.op("ReduceSumSquare", image, g.constant([0], np.int64)) for image in (image_0, image_1)]
    give("norms", g.concat(*squares, of_image(1, algebra.between[None])))
    mask_basis = centred(algebra.mask_basis)
    products = g.concat(of_image(0, mask_basis), of_image(1, mask_basis @ algebra.carried.T))
    give("mask_products", g.reshape(products, 2, MASK_RANK, -1))
    return g
