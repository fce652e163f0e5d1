"""The package openvino, where somebody has installed it: another way to run an image encoder on a processor.

Only here is it imported, and only when it is asked for. Left to itself it reports every import to its maker over the
network; without the package openvino-telemetry, which comes with it, it reports nothing. So that one is kept out of its
reach.
"""

import importlib
import logging
import sys
from functools import cache
from typing import Any

import torch

from segmentation.errors import SegmentationError

NAME = "openvino"
TELEMETRY = "openvino_telemetry"
# Names of numbers as `segmentation.precision` has them, and as OpenVINO does.
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}

logger = logging.getLogger(__name__)


class OpenVinoUnavailable(SegmentationError, RuntimeError):
    """OpenVINO is asked for, and is not installed or cannot be loaded."""

    code = "openvino_unavailable"


def load() -> Any:
    """The package.

    Raises:
        OpenVinoUnavailable: with what to do.
    """
    if NAME not in sys.modules:
        sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]  # importing it is an ImportError from now on
    try:
        return importlib.import_module(NAME)
    except ModuleNotFoundError as error:
        if error.name != NAME:
            raise OpenVinoUnavailable(_cannot_be_loaded(error)) from error
        raise OpenVinoUnavailable(
            "OpenVINO is not installed. Install it (pip install -c constraints.txt openvino), or let encoders run "
            "without it (ENCODER_BACKEND=auto)"
        ) from None
    except (ImportError, OSError, RuntimeError) as error:  # of another processor or an older system
        raise OpenVinoUnavailable(_cannot_be_loaded(error)) from error


def version() -> str | None:
    """Its version; None where it is not installed, or cannot be loaded, which goes to the log."""
    try:
        return str(load().__version__)
    except OpenVinoUnavailable as error:
        if error.__cause__ is not None:
            _warn_once(str(error))
        return None


def compiled(model: Any, precision: str) -> Any:
    """An `openvino.Model` made ready for this processor.

    Args:
        precision: "float32" or "bfloat16". It is always said, because OpenVINO's own choice is bfloat16 wherever the
            processor knows it.

    Returns:
        An InferRequest. As many threads as torch has work on a call.

    Raises:
        RuntimeError: OpenVINO cannot.
    """
    return (
        load()
        .Core()
        .compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                # Pinned, the workers of a machine would all wait for the same cores.
                "ENABLE_CPU_PINNING": False,
            },
        )
        .create_infer_request()
    )


def _cannot_be_loaded(error: Exception) -> str:
    return (
        f"OpenVINO is installed and cannot be loaded: {error}. Install it anew (pip install --force-reinstall "
        "-c constraints.txt openvino), or let encoders run without it (ENCODER_BACKEND=torch)"
    )


@cache
def _warn_once(sentence: str) -> None:
    logger.warning(sentence)
