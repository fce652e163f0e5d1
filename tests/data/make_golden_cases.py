"""Writes the golden cases that Python and JavaScript are both held to: `python tests/data/make_golden_cases.py`.

The answers come from others, never from the code under test: frames and prompts from segment-anything's arithmetic,
RLE from pycocotools, masks from torch's interpolate, orientations from Pillow.
"""

import io
import json
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

HERE = Path(__file__).parent


def resize_longest_side(height: int, width: int, side: int) -> tuple[int, int]:
    """segment-anything, utils/transforms.py, get_preprocess_shape; at least 1, where the original gives 0 and fails."""
    scale = side * 1.0 / max(height, width)
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def model_point(point: list[float], image_hw: tuple[int, int], side: int) -> list[float]:
    """segment-anything, utils/transforms.py, apply_coords."""
    (height, width), (input_height, input_width) = image_hw, resize_longest_side(*image_hw, side)
    return [point[0] * (input_width / width), point[1] * (input_height / height)]


def frames_cases() -> dict:
    images = [
        ("landscape", (683, 1024), 1024),
        ("portrait", (1500, 1000), 1024),
        ("square", (512, 512), 1024),
        ("already the model's size", (1024, 1024), 1024),
        ("one pixel wide", (400, 1), 1024),
        ("one pixel wide and so tall that it would round to nothing", (5000, 1), 1024),
        ("one pixel high", (1, 333), 1024),
        ("one single pixel", (1, 1), 1024),
        ("odd sizes", (333, 517), 1024),
        ("short side rounds half up", (1, 2048), 1024),
        ("larger than the model", (3024, 4032), 1024),
        ("a small model", (480, 641), 256),
    ]
    model = []
    for name, (height, width), side in images:
        input_height, input_width = resize_longest_side(height, width, side)
        points = [[0, 0], [width, height], [width / 2, height / 2], [width - 1, 0], [0.25, height - 0.75]]
        model.append(
            {
                "name": name,
                "image": {"height": height, "width": width},
                "side": side,
                "input": {"height": input_height, "width": input_width},
                "points": [{"image": p, "model": model_point(p, (height, width), side)} for p in points],
            }
        )
    for name, (height, width) in [("stretched landscape", (90, 150)), ("stretched portrait", (3024, 1000))]:
        points = [[0, 0], [width, height], [width / 2, height / 2], [0.25, height - 0.75]]
        # sam2, utils/transforms.py, transform_coords: over the image's size, times the square's side.
        moved = [[x / width * 1024, y / height * 1024] for x, y in points]
        model.append(
            {
                "name": name,
                "image": {"height": height, "width": width},
                "side": 1024,
                "fit": "stretch",
                "input": {"height": 1024, "width": 1024},
                "points": [{"image": p, "model": there} for p, there in zip(points, moved, strict=True)],
            }
        )
    # Worked out by hand: view = image * scale + offset, canvas = view * device pixel ratio.
    view = [
        {
            "name": "one to one",
            "frame": {"scale": 1, "offset_x": 0, "offset_y": 0, "device_pixel_ratio": 1},
            "points": [
                {"image": [0, 0], "view": [0, 0], "canvas": [0, 0]},
                {"image": [7.5, 3], "view": [7.5, 3], "canvas": [7.5, 3]},
            ],
        },
        {
            "name": "fitted: a 1000 x 500 image on a stage of 600 x 400",
            "frame": {"scale": 0.6, "offset_x": 0, "offset_y": 50, "device_pixel_ratio": 1},
            "points": [
                {"image": [0, 0], "view": [0, 50], "canvas": [0, 50]},
                {"image": [1000, 500], "view": [600, 350], "canvas": [600, 350]},
                {"image": [500, 250], "view": [300, 200], "canvas": [300, 200]},
            ],
        },
        {
            "name": "fitted, device pixel ratio 2",
            "frame": {"scale": 0.6, "offset_x": 0, "offset_y": 50, "device_pixel_ratio": 2},
            "points": [
                {"image": [0, 0], "view": [0, 50], "canvas": [0, 100]},
                {"image": [500, 250], "view": [300, 200], "canvas": [600, 400]},
            ],
        },
        {
            "name": "zoomed eight times, the image's corner far off the stage",
            "frame": {"scale": 8, "offset_x": -1200, "offset_y": -640.5, "device_pixel_ratio": 1},
            "points": [
                {"image": [150, 80.0625], "view": [0, 0], "canvas": [0, 0]},
                {"image": [200.5, 100], "view": [404, 159.5], "canvas": [404, 159.5]},
            ],
        },
        {
            "name": "zoomed, device pixel ratio 1.5",
            "frame": {"scale": 2.5, "offset_x": 10, "offset_y": -20, "device_pixel_ratio": 1.5},
            "points": [{"image": [4, 16], "view": [20, 20], "canvas": [30, 30]}],
        },
    ]
    return {
        "about": "model: image -> model pixels, each axis by its own factor; view: CSS pixels; canvas: device pixels",
        "model_frame": model,
        "view_frame": view,
    }


def prompt_cases() -> dict:
    def case(
        name: str, image_hw: tuple[int, int], side: int, points: list, labels: list, box: list | None
    ) -> dict:
        coords = [model_point(point, image_hw, side) for point in points]
        labels_out = list(labels)
        if box is not None:
            coords += [model_point(box[:2], image_hw, side), model_point(box[2:], image_hw, side)]
            labels_out += [2, 3]
        elif points:
            coords.append([0, 0])
            labels_out.append(-1)
        return {
            "name": name,
            "image": {"height": image_hw[0], "width": image_hw[1]},
            "side": side,
            "prompt": {"point_coords": points, "point_labels": labels, "box": box},
            "point_coords": coords,
            "point_labels": labels_out,
        }

    return {
        "about": (
            "cases: what the decoder is fed: points, then box corners (2, 3), else one padding point (-1); model "
            "pixels. orders: the outputs that are offered, the one shown at first before the others"
        ),
        "cases": [
            case("one foreground point", (600, 800), 1024, [[400, 300]], [1], None),
            case("two points", (800, 600), 1024, [[10.5, 20], [599, 799]], [1, 0], None),
            case("a box alone", (600, 800), 1024, [], [], [100, 50, 300, 400]),
            case("points and a box", (333, 517), 1024, [[100, 200]], [0], [10, 20, 500, 300]),
            case("a small model", (100, 75), 256, [[1, 2], [3, 4], [5, 6]], [1, 1, 0], None),
            case("nothing but a mask input", (600, 800), 1024, [], [], None),
        ],
        "orders": candidate_orders(),
    }


def candidate_orders() -> list[dict]:
    """Which outputs are offered, the shown one first: worked out by hand from docs/architecture.md."""
    sam = {"count": 4, "single": 0, "candidates": [1, 2, 3]}
    five = {"count": 5, "single": 4, "candidates": [0, 1, 2, 3]}  # the last one answers a clear prompt
    both = {"count": 3, "single": 1, "candidates": [0, 1, 2]}  # its single mask is a candidate too
    only = {"count": 1, "single": 0, "candidates": []}
    none = {"count": 4, "single": None, "candidates": [1, 2, 3]}  # the best candidate answers a clear prompt
    point, points = ([[1, 2]], [1]), ([[1, 2], [3, 4]], [1, 0])
    return [
        {
            "name": name,
            "prompt": {"point_coords": coords, "point_labels": labels, "box": box},
            "outputs": outputs,
            "iou_predictions": predictions,
            "masks": masks,
            "order": order,
        }
        for name, (coords, labels), box, outputs, predictions, order, masks in [
            (*row, [*range(row[3]["count"])]) if len(row) == 6 else row
            for row in [
                ("one point", point, None, sam, [0.99, 0.2, 0.8, 0.5], [2, 3, 1]),
                ("one background point", ([[1, 2]], [0]), None, sam, [0.99, 0.2, 0.8, 0.5], [2, 3, 1]),
                ("candidates rated alike", point, None, sam, [0.9, 0.5, 0.5, 0.5], [1, 2, 3]),
                ("two points", points, None, sam, [0.1, 0.2, 0.8, 0.5], [0, 2, 3]),
                ("a box alone", ([], []), [0, 0, 5, 5], sam, [0.1, 0.9, 0.8, 0.5], [0, 1, 2]),
                ("a point and a box", point, [0, 0, 5, 5], sam, [0.1, 0.3, 0.8, 0.5], [0, 2, 3]),
                ("one point, five outputs", point, None, five, [0.3, 0.6, 0.4, 0.5, 0.9], [1, 3, 2, 0]),
                ("two points, five outputs", points, None, five, [0.3, 0.6, 0.4, 0.5, 0.1], [4, 1, 3, 2]),
                (
                    "one point, the single mask among the candidates",
                    point,
                    None,
                    both,
                    [0.3, 0.2, 0.6],
                    [2, 0, 1],
                ),
                (
                    "two points, the single mask among the candidates",
                    points,
                    None,
                    both,
                    [0.3, 0.2, 0.6],
                    [1, 2, 0],
                ),
                ("one point, one output", point, None, only, [0.3], [0]),
                ("two points, one output", points, None, only, [0.3], [0]),
                ("two points, no single mask", points, None, none, [0.9, 0.2, 0.6, 0.4], [2, 3, 1]),
                ("a box, no single mask", ([], []), [0, 0, 5, 5], none, [0.9, 0.7, 0.6, 0.4], [1, 2, 3]),
                # Equal numbers stand for equal masks.
                (
                    "a box whose mask is a candidate's",
                    ([], []),
                    [0, 0, 5, 5],
                    sam,
                    [0.8, 0.3, 0.8, 0.5],
                    [0, 3, 1],
                    [2, 1, 2, 3],
                ),
                (
                    "two points, all masks the same",
                    points,
                    None,
                    sam,
                    [0.8, 0.8, 0.8, 0.8],
                    [0],
                    [1, 1, 1, 1],
                ),
                (
                    "one point, two candidates the same",
                    point,
                    None,
                    sam,
                    [0.9, 0.5, 0.5, 0.3],
                    [1, 3],
                    [0, 1, 1, 3],
                ),
                (
                    "the same masks, rated otherwise",
                    points,
                    None,
                    sam,
                    [0.9, 0.5, 0.8, 0.3],
                    [0, 1, 3],
                    [2, 1, 2, 3],
                ),
            ]
        ]
    ]


def runs_of(mask: np.ndarray) -> list[int]:
    flat = mask.ravel(order="F").astype(np.int8)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    return np.diff([0, *changes, flat.size]).tolist()


def rle_cases() -> dict:
    def encoded(name: str, mask: np.ndarray) -> dict:
        rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        return {
            "name": name,
            "size": [int(side) for side in rle["size"]],
            "runs": runs_of(mask),
            "counts": rle["counts"].decode(),
            "area": int(coco_mask.area(rle)),
            "bbox_xywh": [float(value) for value in coco_mask.toBbox(rle)],
        }

    def rows(*lines: str) -> np.ndarray:
        return np.array([[character == "1" for character in line] for line in lines])

    def block(height: int, width: int, y0: int, x0: int, y1: int, x1: int) -> np.ndarray:
        mask = np.zeros((height, width), bool)
        mask[y0:y1, x0:x1] = True
        return mask

    random = np.random.default_rng(20260401)
    y, x = np.mgrid[:1500, :2250]
    good = [
        encoded("runs go down the columns", rows("0110", "0100", "0000")),
        encoded("empty", np.zeros((5, 7), bool)),
        encoded("full: the first background run is 0", np.ones((5, 7), bool)),
        encoded("one pixel image, foreground", np.ones((1, 1), bool)),
        encoded("one pixel image, background", np.zeros((1, 1), bool)),
        encoded("one pixel in the first corner", block(6, 4, 0, 0, 1, 1)),
        encoded("one pixel in the last corner", block(6, 4, 5, 3, 6, 4)),
        encoded("one pixel in the middle", block(6, 4, 3, 2, 4, 3)),
        encoded("one pixel wide", rows(*"0110100011")),
        encoded("one pixel high", rows("1100010111")),
        encoded("a chessboard", np.indices((8, 9)).sum(axis=0) % 2 == 1),
        encoded("a hole", ~block(9, 8, 3, 2, 6, 6)),
        encoded("a run that spans columns", block(4, 6, 0, 1, 4, 5)),
        encoded("long runs: several characters to a number", block(3024, 4032, 0, 1500, 3024, 3900)),
        encoded("a large disc", (y - 700) ** 2 + (x - 1200) ** 2 < 400**2),
        encoded("noise", random.random((24, 31)) < 0.4),
        encoded("sparse noise", random.random((200, 150)) < 0.01),
    ]
    # 4 x 3 pixels. "44" is 4 background, 4 foreground; the fourth number is a difference to the second.
    hw, fine = [4, 3], "444"
    bad = [
        ("not an object", "444", hw, "rle_not_an_object"),
        ("a list", [[4, 3], fine], hw, "rle_not_an_object"),
        ("nothing", None, hw, "rle_not_an_object"),
        ("no counts", {"size": hw}, hw, "rle_not_an_object"),
        ("no size", {"counts": fine}, hw, "rle_not_an_object"),
        ("size of one number", {"size": [12], "counts": fine}, hw, "rle_size_malformed"),
        ("size of three numbers", {"size": [4, 3, 1], "counts": fine}, hw, "rle_size_malformed"),
        ("size with a fraction", {"size": [4.5, 3], "counts": fine}, hw, "rle_size_malformed"),
        ("size with a text", {"size": ["4", "3"], "counts": fine}, hw, "rle_size_malformed"),
        ("size with true", {"size": [True, True], "counts": fine}, hw, "rle_size_malformed"),
        ("size of zero", {"size": [0, 3], "counts": "0"}, hw, "rle_size_malformed"),
        ("negative size", {"size": [-4, -3], "counts": fine}, hw, "rle_size_malformed"),
        (
            "more pixels than COCO can count",
            {"size": [100000, 100000], "counts": fine},
            hw,
            "rle_size_malformed",
        ),
        ("height and width swapped", {"size": [3, 4], "counts": fine}, hw, "rle_size_mismatch"),
        ("another image's size", {"size": [8, 6], "counts": fine}, hw, "rle_size_mismatch"),
        ("empty string", {"size": hw, "counts": ""}, hw, "rle_counts_malformed"),
        ("uncompressed counts", {"size": hw, "counts": [4, 4, 4]}, hw, "rle_counts_malformed"),
        ("a number for counts", {"size": hw, "counts": 12}, hw, "rle_counts_malformed"),
        ("a character below the alphabet", {"size": hw, "counts": "4 4"}, hw, "rle_counts_malformed"),
        ("a character above the alphabet", {"size": hw, "counts": "4p4"}, hw, "rle_counts_malformed"),
        ("a character outside ASCII", {"size": hw, "counts": "4\u00e94"}, hw, "rle_counts_malformed"),
        ("ends in the middle of a number", {"size": hw, "counts": "44T"}, hw, "rle_counts_malformed"),
        ("a number that never ends", {"size": hw, "counts": "oooooooo0"}, hw, "rle_counts_malformed"),
        ("a negative run", {"size": hw, "counts": "4O4"}, hw, "rle_counts_malformed"),
        (
            "a difference that makes a run negative",
            {"size": hw, "counts": "444J"},
            hw,
            "rle_counts_malformed",
        ),
        ("an empty run in the middle", {"size": hw, "counts": "4048"}, hw, "rle_counts_malformed"),
        ("runs past the end", {"size": hw, "counts": "446"}, hw, "rle_past_end"),
        ("one run far past the end", {"size": hw, "counts": "Poooo0"}, hw, "rle_past_end"),
        ("runs end too early", {"size": hw, "counts": "443"}, hw, "rle_too_short"),
        ("only the first run", {"size": hw, "counts": "4"}, hw, "rle_too_short"),
    ]
    return {
        "about": "runs: lengths down the columns, background first; counts: the same in COCO's compressed string",
        "good": good,
        "malformed": [
            {"name": name, "rle": rle, "image_size": size, "code": code} for name, rle, size, code in bad
        ],
    }


def formula_logits(
    cx: float, cy: float, radius: float, gain: float, noise: float, side: int = 256
) -> np.ndarray:
    """Whole-number arithmetic in float64, so that every language gives the same bits; then rounded to float32."""
    y, x = np.mgrid[:side, :side].astype(np.float64)
    bowl = gain * (radius * radius - (x - cx) * (x - cx) - (y - cy) * (y - cy)) / (radius * radius)
    return (bowl + noise * ((x * 7 + y * 13) % 11 - 5)).astype(np.float32)


def mask_cases() -> dict:
    cases = []
    for name, (height, width), side, parameters in [
        ("landscape", (90, 120), 1024, (110, 80, 60, 10, 0.25)),
        ("portrait", (120, 90), 1024, (90, 128, 70, 12, 0.125)),
        ("square, smaller than the logits", (64, 64), 1024, (128, 128, 100, 10, 0.5)),
        ("odd sizes", (37, 53), 1024, (128, 90, 80.5, 8, 0.25)),
        ("one pixel high", (1, 50), 1024, (100, 3, 60, 6, 0)),
        ("one pixel wide", (50, 1), 1024, (0, 128, 60, 6, 0)),
        ("larger than the model's square", (700, 1200), 1024, (128, 75, 50, 20, 0)),
        ("a small model", (100, 133), 256, (120, 100, 64, 10, 0.25)),
        ("a model of 512", (300, 200), 512, (85, 128, 75, 10, 0)),
        ("touches every border", (60, 80), 1024, (128, 96, 400, 10, 0)),
        ("empty", (60, 80), 1024, (128, 96, -1000, 0, -1)),
        ("stretched", (90, 150), 1024, (110, 80, 60, 10, 0.25)),
        ("stretched and tall", (301, 40), 1024, (128, 128, 90, 10, 0.25)),
        ("stretched and larger than the model's square", (700, 1200), 1024, (128, 75, 50, 20, 0)),
    ]:
        logits = formula_logits(*parameters)
        if name == "empty":
            logits = np.full_like(logits, -3)
            parameters = (0, 0, 1, 0, 0)
        input_hw = resize_longest_side(height, width, side)
        square = F.interpolate(
            torch.from_numpy(logits)[None, None], (side, side), mode="bilinear", align_corners=False
        )
        is_stretched = name.startswith("stretched")  # then in one step: sam2, utils/transforms.py
        last = (
            torch.from_numpy(logits)[None, None]
            if is_stretched
            else square[..., : input_hw[0], : input_hw[1]]
        )
        full = F.interpolate(last, (height, width), mode="bilinear", align_corners=False)[0, 0].numpy()
        rle = coco_mask.encode(np.asfortranarray(full > 0, dtype=np.uint8))
        samples = [(0, 0), (height - 1, width - 1), (height // 2, width // 2), (height // 3, width * 2 // 3)]
        above, below = int((full > 1).sum()), int((full > -1).sum())
        cases.append(
            {
                "name": name,
                "image": {"height": height, "width": width},
                "side": side,
                **({"fit": "stretch"} if is_stretched else {}),
                "formula": dict(zip(["cx", "cy", "radius", "gain", "noise"], parameters, strict=True)),
                "constant": -3 if name == "empty" else 0,
                "closest_to_zero": float(np.abs(full).min()),
                "rle": {"size": [height, width], "counts": rle["counts"].decode()},
                "area": int(coco_mask.area(rle)),
                "stability_score": above / below if below else 0,
                "logits": [{"x": x, "y": y, "value": float(full[y, x])} for y, x in samples],
            }
        )
    return {
        "about": (
            "low-res logits (256 x 256), in float64, then rounded to float32: constant + gain * (radius^2 - (x - cx)^2 "
            "- (y - cy)^2) / radius^2 + noise * ((7 x + 13 y) mod 11 - 5). Expected: the mask at image size, "
            "logits at image size, stability score at image size with offset 1. closest_to_zero: the smallest |logit|; "
            "no pixel may differ as long as the arithmetic is closer than that."
        ),
        "cases": cases,
    }


def region_cases() -> dict:
    """Places of regions were worked out by hand; frames are segment-anything's on the crop, masks torch's put back."""
    views = [
        ("an object in 12 megapixels", (3000, 4000), [1000, 1000, 1300, 1200], [896, 896, 512, 512]),
        ("moved a little", (3000, 4000), [1040, 1020, 1340, 1220], [896, 896, 512, 512]),
        ("moved by more than half a step", (3000, 4000), [1090, 1000, 1390, 1200], [1024, 896, 512, 512]),
        ("at a corner", (3000, 4000), [-50, -80, 200, 150], [0, 0, 384, 384]),
        (
            "at the far corner, which is not on the grid",
            (3000, 4001),
            [3900, 2900, 4100, 3100],
            [3809, 2808, 192, 192],
        ),
        (
            "a view whose middle is half way between two places",
            (3000, 4000),
            [160, 160, 256, 256],
            [160, 160, 128, 128],
        ),
        ("a strip is as high as the image", (100, 4000), [2000, -200, 2300, 300], [1920, 0, 512, 100]),
        ("a single pixel", (3000, 4000), [2000, 1500, 2001, 1501], [1952, 1440, 128, 128]),
        ("a side of one and a half powers", (3000, 4000), [1000, 1000, 1500, 1400], [960, 768, 768, 768]),
        ("nearly the whole image", (3000, 4000), [0, 0, 2500, 2000], None),
        ("hardly sharper", (1000, 1000), [0, 0, 600, 600], None),
        ("a small image, zoomed far in", (300, 400), [100, 100, 150, 150], [64, 64, 128, 128]),
        ("beside the image", (3000, 4000), [4100, 0, 4200, 100], None),
    ]
    malformed = [
        "", "1,2,3", "0,0,100,100,5", "a,b,c,d", "-1,0,100,100", "0,0,1.5,100", "0,0,32,100", "300,0,101,100",
        "0,250,100,100", "0,0,400,300", "0, 0,100,100", "\u0663,0,100,100",
    ]  # fmt: skip
    frames = []
    for name, (height, width), (x, y, region_width, region_height), side in [
        ("a square", (3000, 4000), (896, 1024, 512, 512), 1024),
        ("a strip", (100, 4000), (1792, 0, 512, 100), 1024),
        ("a small model", (300, 400), (64, 96, 128, 128), 512),
    ]:
        points = [[x, y], [x + region_width / 2, y + region_height / 3], [x + 7.25, y + 11.5]]
        moved = [model_point([px - x, py - y], (region_height, region_width), side) for px, py in points]
        frames.append(
            {
                "name": name,
                "image": {"height": height, "width": width},
                "region": [x, y, region_width, region_height],
                "side": side,
                "points": [{"image": a, "model": b} for a, b in zip(points, moved, strict=True)],
            }
        )
    masks = []
    for name, (height, width), (x, y, region_width, region_height), side, parameters in [
        ("in the middle", (240, 320), (96, 64, 96, 96), 1024, (120, 128, 80, 10, 0.25)),
        ("at the far corner", (233, 317), (221, 137, 96, 96), 1024, (128, 128, 90.5, 10, 0.25)),
        ("reaches the region's borders", (240, 320), (96, 64, 96, 96), 512, (128, 128, 400, 10, 0)),
        ("a strip", (90, 400), (200, 0, 128, 90), 1024, (128, 90, 60, 10, 0.125)),
    ]:
        logits = formula_logits(*parameters)
        square = F.interpolate(
            torch.from_numpy(logits)[None, None], (side, side), mode="bilinear", align_corners=False
        )
        rows, columns = resize_longest_side(region_height, region_width, side)
        part = F.interpolate(
            square[..., :rows, :columns], (region_height, region_width), mode="bilinear", align_corners=False
        )[0, 0].numpy()
        base = np.zeros((height, width), np.uint8)  # a mask that the prompt goes on from
        base[10 : height - 20, 30 : width - 40] = 1
        on_nothing, on_base = np.zeros_like(base), base.copy()
        for whole in (on_nothing, on_base):
            whole[y : y + region_height, x : x + region_width] = part > 0
        encoded = {
            key: coco_mask.encode(np.asfortranarray(whole))["counts"].decode()
            for key, whole in (("base", base), ("counts", on_nothing), ("counts_on_base", on_base))
        }
        masks.append(
            {
                "name": name,
                "image": {"height": height, "width": width},
                "region": [x, y, region_width, region_height],
                "side": side,
                "formula": dict(zip(["cx", "cy", "radius", "gain", "noise"], parameters, strict=True)),
                "closest_to_zero": float(np.abs(part).min()),
                **encoded,
            }
        )
    return {
        "about": (
            "views: what is seen (x0, y0, x1, y1 in image pixels) and the region for it (x, y, width, height) or null; "
            "malformed: texts that are no region of an image of 300 x 400; frames: image -> model pixels; masks: "
            "low-res logits as in mask_cases.json, decoded in a region, at the image's size: alone, and over a base "
            "that stays as it is outside the region"
        ),
        "views": [
            {"name": name, "image": {"height": hw[0], "width": hw[1]}, "view": view, "region": region}
            for name, hw, view, region in views
        ],
        "malformed": malformed,
        "frames": frames,
        "masks": masks,
    }


def exif_cases() -> dict:
    """For each orientation: the pixels as stored in the file, and upright. Source: EXIF 2.3, tag 0x0112."""
    stored = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    cases = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        buffer = io.BytesIO()
        Image.fromarray(stored).save(buffer, "PNG", exif=exif)
        upright = np.asarray(ImageOps.exif_transpose(Image.open(buffer)))
        cases.append({"orientation": orientation, "stored": stored.tolist(), "upright": upright.tolist()})
    return {"about": "rows of grey values; pixels are turned upright once, at ingest", "cases": cases}


if __name__ == "__main__":
    for make in (frames_cases, prompt_cases, rle_cases, mask_cases, region_cases, exif_cases):
        path = HERE / f"{make.__name__}.json"
        text = json.dumps(make(), indent=1)
        text = re.sub(
            r"\[[^\[\]{}\"]*\]",
            lambda numbers: re.sub(r"(?<=\[) | (?=\])", "", " ".join(numbers[0].split())),
            text,
        )  # a list of numbers to a line
        path.write_text(text + "\n", encoding="utf-8")
        print(path.name, path.stat().st_size, "bytes")
