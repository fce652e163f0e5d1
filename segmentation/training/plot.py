"""The curves of a run's log as one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segmentation.training.export import RunNotFound
from segmentation.training.run_log import LOG_NAME, read_rows

SMOOTH_OVER = 9  # logged steps
CURVES = {
    "iou_1": "1 click",
    "oracle": "best of three",
    "iou_3": "3 clicks",
    "iou_5": "5 clicks",
    "box": "box",
}


def read_log(run: Path | str) -> tuple[list[dict], list[dict]]:
    """The rows of training steps and those of validations in a run's log."""
    rows = read_rows(run)
    steps = [row for row in rows if "validation" not in row]
    return steps, [row for row in rows if "validation" in row]


def plot_run(run: Path | str, output: Path | str) -> None:
    """Draws loss, training IoU and validation against training time, as PNG.

    Raises:
        RunNotFound: nothing is logged there yet.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    steps, validations = read_log(run)
    if not steps:
        raise RunNotFound(f"{run}/{LOG_NAME} holds no step yet; one is logged every twenty steps")
    minutes = np.array([row["elapsed_s"] for row in steps]) / 60
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.2), constrained_layout=True)
    left.plot(minutes, [row["loss"] for row in steps], alpha=0.3, color="C0")
    left.plot(minutes, smooth([row["loss"] for row in steps]), color="C0")
    left.set_title("loss")
    for key, label in (("single_1", "first prompt"), ("best_1", "best of three"), ("single_3", "last round")):
        middle.plot(minutes, smooth([row[key] for row in steps]), label=label)
    middle.set_title("training IoU")
    for key, label in CURVES.items():
        points = [(row["elapsed_s"] / 60, row["validation"][key]) for row in validations]
        if points:
            right.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label)
    right.set_title("validation IoU (averaged weights)")
    for axes in (left, middle, right):
        axes.set_xlabel("training minutes")
        axes.grid(alpha=0.3)
    for axes in (middle, right):
        if axes.lines:
            axes.legend(fontsize=7)
    figure.savefig(output, dpi=90)
    plt.close(figure)


def smooth(values: list[float]) -> np.ndarray:
    """The running mean over SMOOTH_OVER values, narrower towards both ends."""
    reach = SMOOTH_OVER // 2
    return np.array([np.mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))])
