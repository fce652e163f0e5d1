"""Bundles whose pictures or norms are not SAM's own: the fast decoder in real Chromium, against Python.

MedSAM's picture is stretched over the square; EfficientViT-SAM's decoder has another epsilon, which moves logits by
2e-3. That Python computes what the originals do, tests/segmentation/test_light_*.py hold.
"""

import base64
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
import torch

from benchmarks.decoder_browser import make_handler
from segmentation import masks, rle
from segmentation.decoder.package import export_package
from segmentation.embedding_file import read_embedding, write_embedding
from segmentation.families.convert import convert
from segmentation.families.sam.network import VARIANTS
from segmentation.predictor import load_predictor
from tests.e2e.test_fast_decoder import ASK_WORKER, LOGIT_TOLERANCE, point_step, prompt_of
from tests.segmentation.original_sam import build_original, photograph, randomise
from tests.segmentation.test_light_parity import SHORT

pytestmark = pytest.mark.e2e
IMAGE_HW = (60, 100)
BOX = {"kind": "box", "box": {"x0": 8, "y0": 5, "x1": 70, "y1": 50, "frame": "image"}, "maskIndex": None}
STEPS = [BOX, point_step(60, 40, 0), point_step(20, 30, 1)]


@pytest.mark.parametrize("variant", ["medsam", "efficientvit_sam_l0"])
def test_the_worker_answers_as_python_does(browser, variant, tmp_path, monkeypatch):
    # The decoder is what is asked here: any image encoder will do.
    shape = SHORT["medsam"]
    changes = {"decoder_epsilon": VARIANTS[variant].decoder_epsilon, "fit": VARIANTS[variant].fit}
    monkeypatch.setitem(VARIANTS, variant, shape := type(shape)(**{**vars(shape), **changes}))
    torch.save(randomise(build_original(shape), seed=4).state_dict(), tmp_path / "published.pth")
    manifest = convert(tmp_path / "published.pth", "sam", variant, "short", tmp_path / "short")
    export_package(tmp_path / "short", tmp_path / "fast.safetensors")
    predictor = load_predictor(tmp_path / "short", device="cpu")
    image = photograph(*IMAGE_HW)
    content = write_embedding(predictor.encoder.encode(image), manifest.digest, IMAGE_HW)
    (tmp_path / "embedding").write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    page = browser.new_page()
    page.goto(f"{address}/page/index.html")
    row = {
        "name": "short", "title": "Short", "family": "sam", "digest": manifest.digest,
        "inputSide": manifest.input_side, "fit": manifest.fit, "lowResSide": 256, "maskThreshold": 0,
        "outputs": manifest.outputs.as_dict(), "decoderUrl": f"{address}/models/absent.onnx",
        "fastDecoderUrl": "/models/fast.safetensors", "sessionUrl": "/js/decoder/worker/sam/session.js",
    }  # fmt: skip
    settings = {"embedding": "/models/embedding", "imageSize": {"height": IMAGE_HW[0], "width": IMAGE_HW[1]}}
    result = page.evaluate(ASK_WORKER, {**settings, "bundle": row, "steps": STEPS})
    page.close()
    server.shutdown()

    predictor.set_embedding(read_embedding(content).tensors, IMAGE_HW, manifest.digest)
    used = tuple(slice(-(-side // 4)) for side in predictor.frame.input_hw)
    previous = None
    for count, answer in enumerate(result["answers"], start=1):
        logits, _rated = predictor.predict_raw(**prompt_of(STEPS[:count]), mask_input=previous)
        assert logits.std() > 1
        for candidate in answer["candidates"]:
            actual = np.frombuffer(base64.b64decode(candidate["logits"]), np.float32).reshape(256, 256)
            expected = logits[candidate["index"]]
            # From step to step the small differences grow.
            tolerance = 1e-3 if count == 1 else LOGIT_TOLERANCE
            np.testing.assert_allclose(actual[used], expected[used], atol=tolerance)
        previous = logits[[answer["candidates"][0]["index"]]]
    whole = masks.postprocess(previous, predictor.frame)[0] > 0
    assert np.mean(rle.decode(result["finished"]["segmentation"]) != whole) < 1e-3
    assert 0 < whole.mean() < 1, "a flat answer would prove nothing"
