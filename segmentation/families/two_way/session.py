"""Runs the fast decoder in Python's onnxruntime: the reference for the page's worker, and for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from segmentation.families.two_way.click_graph import HEAD_FORM_MIN_TOKENS, OWN_TOKENS
from segmentation.families.two_way.graph import SHARED_WEIGHTS
from segmentation.families.two_way.weights import FINE_FEATURES, HQ_FEATURES, MIDDLE_FEATURES

Tensors = dict[str, NDArray]

# Added to the IoU predictions, it decides which masks come first.
PLAIN_BIAS = (1000.0, 0.0, 0.0, 0.0)
TAIL_INPUTS = ("gain", "coefficients", "basis", "filters")
MIXED = "mixed"  # of the click graph, HQ-SAM's
FEATURES = (HQ_FEATURES, MIDDLE_FEATURES, FINE_FEATURES)  # of the embedding, what the tail takes as it is
TAIL_ALONE = ("upscaled", *FEATURES)  # of the image's tensors, what no click graph takes


@dataclass(frozen=True)
class Click:
    """A click graph's answer, ready for the tail."""

    iou_predictions: NDArray[np.float32]  # (1, 4)
    mask_indices: NDArray[np.int64]  # (K,), best first
    tail_inputs: Tensors


class FastDecoder:
    """The graphs of `package.build_graphs`, each made into a session when it is first needed."""

    def __init__(self, files: Mapping[str, bytes], threads: int = 1, own_tokens: int = OWN_TOKENS) -> None:
        self._files, self._threads, self._own_tokens = files, threads, own_tokens
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def prepare_image(
        self, image_embeddings: NDArray[np.float32], features: Mapping[str, NDArray[np.float32]] | None = None
    ) -> Tensors:
        """(1, C, grid, grid), and those of the embedding's other tensors, by name -> the image's tensors, by name."""
        return {**self._run("image", {"image_embeddings": image_embeddings}), **(features or {})}

    def click(
        self,
        image: Tensors,
        point_coords: NDArray[np.float32],
        point_labels: NDArray[np.float32],
        mask_input: NDArray[np.float32] | None = None,
        mask_bias: tuple[float, ...] = PLAIN_BIAS,
        mask_count: int = 4,
        form: str | None = None,
    ) -> Click:
        """point_coords (1, N, 2) model pixels, point_labels (1, N), mask_input (1, 1, 256, 256) logits or None."""
        form = form or choose_form(point_labels.shape[1], self._own_tokens)
        feeds = {
            **{name: value for name, value in image.items() if name not in TAIL_ALONE},
            "point_coords": point_coords,
            "point_labels": point_labels,
            "mask_bias": np.array(mask_bias, np.float32),
            "mask_count": np.array([mask_count], np.int64),
        }
        if mask_input is None:
            del feeds["mask_products"]
        else:
            feeds["mask_input"] = mask_input
        answer = self._run(f"click-{form}{'' if mask_input is None else '-mask'}", feeds)
        tail_inputs = {name: answer[name] for name in (*TAIL_INPUTS, MIXED) if name in answer}
        return Click(answer["iou_predictions"], answer["mask_indices"], tail_inputs)

    def masks(self, image: Tensors, click: Click, window: tuple[int, int, int, int]) -> NDArray[np.float32]:
        """(1, K, 4 * rows, 4 * columns) logits; window = first row, end row, first column, end column of the grid."""
        of_image = {name: image[name] for name in TAIL_ALONE if name in image}
        return self._run("tail", {**click.tail_inputs, **of_image, "window": np.array(window, np.int64)})[
            "low_res_masks"
        ]

    def run(self, _outputs: Any, feeds: Tensors) -> list[NDArray]:
        """A whole decode with the inputs of the one-graph decoder: `low_res_masks` (1, 4, 256, 256), `iou_predictions`.

        So that `segmentation.decoder.parity` compares this decoder as it compares the other.
        """
        features = {name: feeds[name] for name in FEATURES if name in feeds}
        image = self.prepare_image(feeds["image_embeddings"], features)
        mask_input = feeds["mask_input"] if feeds["has_mask_input"][0] else None
        coords, labels = self.prompt(feeds["point_coords"], feeds["point_labels"])
        answers = []
        # Both forms must hold, whichever would be chosen: the last one's answer is handed back, if they agree.
        for form in ("head", choose_form(labels.shape[1], self._own_tokens)):
            click = self.click(image, coords, labels, mask_input, form=form)
            grid = feeds["image_embeddings"].shape[-1]
            ranked = self.masks(image, click, (0, grid, 0, grid))
            logits = np.empty_like(ranked)
            logits[:, click.mask_indices] = ranked
            answers.append((logits, click.iou_predictions))
        worst = max(answers, key=lambda answer: np.abs(answer[0] - answers[-1][0]).max())
        is_close = np.allclose(worst[0], answers[-1][0], rtol=0, atol=1e-3 * max(1.0, np.abs(worst[0]).max()))
        return list(self.finished(*(answers[-1] if is_close else worst)))

    def prompt(self, coords: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
        """What the click graph is given for (1, N, 2) and (1, N), those of the one-graph decoder."""
        return coords, labels

    def finished(self, logits: NDArray, iou_predictions: NDArray) -> tuple[NDArray, NDArray]:
        """What is handed out of (1, 4, side, side) and (1, 4), those that the graphs give."""
        return logits, iou_predictions

    def _run(self, name: str, feeds: Tensors) -> Tensors:
        if name not in self._sessions:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads
            # The package's weights are in memory, the graph refers to them as to a file.
            weights = self._files[SHARED_WEIGHTS]
            options.add_external_initializers_from_files_in_memory(
                [SHARED_WEIGHTS], [weights], [len(weights)]
            )
            self._sessions[name] = onnxruntime.InferenceSession(
                self._files[name], options, providers=["CPUExecutionProvider"]
            )
        session = self._sessions[name]
        outputs = [output.name for output in session.get_outputs()]
        return dict(zip(outputs, session.run(outputs, feeds), strict=True))


def choose_form(points: int, own_tokens: int = OWN_TOKENS) -> str:
    """Which form of the click graph is faster for so many points, box corners and padding points."""
    return "head" if points + own_tokens >= HEAD_FORM_MIN_TOKENS else "token"
