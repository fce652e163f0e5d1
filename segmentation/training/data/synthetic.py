"""Drawn training pictures for what photographs with masks do not show: printed pages, and shapes on textures.

Pages teach that a text block, a figure or a table is one thing; shapes (blobs, polygons, rings, many alike or each
different, soft or crisp, low contrast too) stand in for cells, lesions, roofs, fields and defects, of which there are
few pictures or none.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from segmentation import rle
from segmentation.training.data.samples import Sample

SIDE = 512  # pixels, the longer side
MIN_VISIBLE = 60  # pixels of a shape that others have not covered
LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLU0123456789"))


def synthetic_samples(count: int, seed: int = 0) -> list[Sample]:
    """`count` pages (source `synthetic_pages`) and as many scenes of shapes (`synthetic_shapes`), always the same."""
    rng = np.random.default_rng((seed, 77))
    samples = []
    for index in range(count):
        for source, draw in (("synthetic_pages", draw_page), ("synthetic_shapes", draw_shapes)):
            pixels, masks, kinds = draw(rng)
            samples.append(
                Sample(source, f"{source}/{index}", pixels, [rle.encode(mask) for mask in masks], kinds)
            )
    return samples


# --- pages ---


def draw_page(
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]], list[str]]:
    """A page lying on something: pixels (H, W, 3), masks (H, W) of its blocks, their lines and itself; their kinds."""
    width, height = (int(n) for n in rng.integers(340, SIDE + 1, 2))
    paper = _color(np.clip(rng.normal(240, 12) + rng.normal(0, 4, 3), 190, 255))
    ink = _color(np.clip(rng.normal(45, 25) + rng.normal(0, 8, 3), 0, 120))
    if rng.random() < 0.12:
        paper, ink = ink, paper
    image = Image.new("RGB", (width, height), paper)
    boxes: list[tuple[tuple[int, int, int, int], str]] = []
    columns = int(rng.integers(1, 3))
    margin = int(rng.integers(14, 50))
    gutter = int(rng.integers(12, 28))
    column_width = (width - 2 * margin - (columns - 1) * gutter) // columns
    for column in range(columns):
        x, y = margin + column * (column_width + gutter), margin
        while y < height - margin - 24:
            block = rng.choice(["text", "title", "figure", "table"], p=[0.5, 0.2, 0.18, 0.12])
            room = height - margin - y
            bottom = _draw_block(image, str(block), (x, y, column_width, room), ink, rng, boxes)
            y = bottom + int(rng.integers(8, 26))
    pixels = np.asarray(image)
    masks = []
    for (x0, y0, x1, y1), _ in boxes:
        mask = np.zeros((height, width), np.uint8)
        mask[max(0, y0) : y1, max(0, x0) : x1] = 1
        masks.append(mask)
    return _lay_down(pixels, masks, [kind for _, kind in boxes], rng)


def _color(values: NDArray[np.floating]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _draw_block(
    image: Image.Image,
    block: str,
    place: tuple[int, int, int, int],
    ink: tuple[int, int, int],
    rng: np.random.Generator,
    boxes: list[tuple[tuple[int, int, int, int], str]],
) -> int:
    """Draws one block into place (x, y, width, room), notes its parts' boxes; the y where it ends."""
    canvas = ImageDraw.Draw(image)
    x, y, width, room = place
    if block in ("text", "title"):
        size = int(rng.integers(16, 34)) if block == "title" else int(rng.integers(7, 13))
        font = ImageFont.load_default(size)
        lines = max(
            1, min(int(rng.integers(1, 3) if block == "title" else rng.integers(2, 12)), room // (size + 3))
        )
        right = x
        top = y
        for line in range(lines):
            text, line_width = "", 0.0
            share = 1.0 if line + 1 < lines else rng.uniform(0.25, 1)
            while line_width < width * share * 0.93:
                wider = text + "".join(rng.choice(LETTERS, int(rng.integers(2, 10)))) + " "
                line_width = font.getlength(wider)
                if line_width <= width:
                    text = wider
                elif text or size > width:
                    break
            canvas.text((x, y), text, fill=ink, font=font)
            x0, y0, x1, y1 = (int(edge) for edge in canvas.textbbox((x, y), text.strip(), font=font))
            if rng.random() < 0.3 and x1 > x0:
                boxes.append(((x0, y0, x1, y1), "part"))
            right = max(right, x1)
            y += size + 3
        boxes.append(((x, top, right, y), "region"))
        return y
    tall = min(room, int(rng.integers(50, 150)))
    wide = int(width * rng.uniform(0.5, 1))
    x += int(rng.integers(0, width - wide + 1))
    boxes.append(((x, y, x + wide, y + tall), "instance"))
    if block == "figure":
        colors = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        picture = cv2.resize(colors, (wide, tall), interpolation=cv2.INTER_CUBIC).astype(float)
        picture += rng.normal(0, rng.uniform(0, 25), picture.shape)
        image.paste(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), (x, y))
        return y + tall
    rows, columns = max(2, tall // int(rng.integers(14, 24))), int(rng.integers(2, 6))
    font = ImageFont.load_default(8)
    for row in range(rows + 1):
        canvas.line([(x, y + row * tall // rows), (x + wide, y + row * tall // rows)], fill=ink)
    for column in range(columns + 1):
        canvas.line([(x + column * wide // columns, y), (x + column * wide // columns, y + tall)], fill=ink)
    for row in range(rows):
        for column in range(columns):
            cell = x + column * wide // columns, y + row * tall // rows
            canvas.text(
                (cell[0] + 3, cell[1] + 2),
                "".join(rng.choice(LETTERS, int(rng.integers(1, 6)))),
                fill=ink,
                font=font,
            )
            if rng.random() < 0.15:
                boxes.append(
                    ((cell[0] + 1, cell[1] + 1, cell[0] + wide // columns, cell[1] + tall // rows), "part")
                )
    return y + tall


def _lay_down(
    pixels: NDArray[np.uint8], masks: list[NDArray[np.uint8]], kinds: list[str], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]], list[str]]:
    """Half of the pages as scanned, the others lying a little turned on a surface, in uneven light."""
    height, width = pixels.shape[:2]
    picture: NDArray[np.floating] = pixels.astype(np.float32)
    if rng.random() < 0.5:
        around = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 6), rng.uniform(0.7, 0.95))
        page = np.asarray(
            cv2.warpAffine(np.ones((height, width), np.uint8), around, (width, height)), np.uint8
        )
        masks = [
            np.asarray(cv2.warpAffine(mask, around, (width, height), flags=cv2.INTER_NEAREST), np.uint8)
            for mask in masks
        ]
        surface = _texture(height, width, rng)
        picture = np.where(page[..., None] > 0, cv2.warpAffine(picture, around, (width, height)), surface)
        masks.append(page)
        kinds = [*kinds, "instance"]
    light = cv2.resize(rng.uniform(0.75, 1.05, (3, 3)).astype(np.float32), (width, height))
    picture = picture * light[..., None] + rng.normal(0, rng.uniform(0, 6), picture.shape)
    kept = [
        (mask > 0, kind)
        for mask, kind in zip(masks, kinds, strict=True)
        if np.count_nonzero(mask) >= MIN_VISIBLE
    ]
    return np.clip(picture, 0, 255).astype(np.uint8), [mask for mask, _ in kept], [kind for _, kind in kept]


# --- shapes ---


def draw_shapes(
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], list[NDArray[np.bool_]], list[str]]:
    """Shapes covering each other on a texture: pixels (H, W, 3), masks (H, W) of what is seen of each, their kinds."""
    height, width = (int(n) for n in rng.integers(340, SIDE + 1, 2))
    picture = _texture(height, width, rng)
    are_alike = rng.random() < 0.5
    kind = str(rng.choice(["blob", "polygon", "block", "ring"]))
    look = _texture(height, width, rng)
    size = np.exp(rng.uniform(np.log(10), np.log(90)))
    masks: list[NDArray[np.bool_]] = []
    for _ in range(int(rng.integers(5, 40)) if are_alike and size < 40 else int(rng.integers(2, 10))):
        if not are_alike:
            kind = str(rng.choice(["blob", "polygon", "block", "ring"]))
            look = _texture(height, width, rng)
            size = np.exp(rng.uniform(np.log(10), np.log(120)))
        shape = _shape(kind, height, width, size * rng.uniform(0.7, 1.3), rng)
        if shape.sum() < MIN_VISIBLE:
            continue
        alpha = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.8)))[..., None]
        alpha = alpha * rng.uniform(0.45, 1)  # the weakest are hardly to be seen
        picture = picture * (1 - alpha) + look * alpha
        masks = [mask & ~shape for mask in masks]
        masks.append(shape)
    picture += rng.normal(0, rng.uniform(0, 8), picture.shape)
    if rng.random() < 0.35:
        picture[:] = picture.mean(2, keepdims=True)
    seen = [mask for mask in masks if mask.sum() >= MIN_VISIBLE]
    if not seen:
        return draw_shapes(rng)
    return np.clip(picture, 0, 255).astype(np.uint8), seen, ["instance"] * len(seen)


def _shape(kind: str, height: int, width: int, radius: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """One shape of about `radius` pixels somewhere in the picture, (H, W)."""
    centre = rng.uniform([0, 0], [width, height])
    turn = rng.uniform(0, 2 * np.pi)
    if kind == "block":
        w, h = radius * rng.uniform(0.5, 1.6), radius * rng.uniform(0.5, 1.6)
        corners = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
        if rng.random() < 0.3:  # an L, as many roofs are
            corners = np.array([(-w, -h), (w, -h), (w, 0), (0, 0), (0, h), (-w, h)])
    else:
        corner_count = int(rng.integers(3, 8)) if kind == "polygon" else 64
        angles = np.linspace(0, 2 * np.pi, corner_count, endpoint=False)
        reach = np.ones(corner_count)
        if kind == "polygon":
            reach = rng.uniform(0.5, 1.3, corner_count)
        else:
            for wave in range(2, 6):
                reach += rng.normal(0, 0.25 / wave) * np.cos(wave * angles + rng.uniform(0, 6.3))
        corners = (
            radius * reach[:, None] * np.stack([np.cos(angles), rng.uniform(0.5, 1) * np.sin(angles)], 1)
        )
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    outline = corners @ rotation.T
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(outline + centre).astype(np.int32)], 1)
    if kind == "ring":
        cv2.fillPoly(mask, [np.round(outline * rng.uniform(0.3, 0.75) + centre).astype(np.int32)], 0)
    return mask.astype(bool)


def _texture(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A coloured ground (H, W, 3), 0..255, with blotches of some size and grain."""
    base = rng.uniform(20, 235, 3)
    cells = int(rng.integers(2, 24))
    blotches = rng.normal(0, rng.uniform(2, 30), (cells, cells, 1)) + rng.normal(0, 6, (cells, cells, 3))
    ground = base + cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)
    ground += rng.normal(0, rng.uniform(0, 14), (height, width, 1))
    return ground.astype(np.float32)
