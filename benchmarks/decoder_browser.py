"""How long does a click take in the browser, with Meta's usual export and with the fast decoder?

    python benchmarks/decoder_browser.py [--rounds 30] [--threads 1 2] [--points 1 2 5]
        [--sizes 1024x1024 2250x1500] [--json FILE]
    python benchmarks/decoder_browser.py --native --points 12 20 40 80
    python benchmarks/decoder_browser.py --family sam|sam_hq|sam2 [--threads 1] [--points 1] [--rounds 30]

Both are made from the same seeded random weights (speed does not depend on them), run in the same worker of a real
headless Chromium (`CHROMIUM` in the environment is its path), one after the other in every round, so that a slow phase
of the machine hits all alike. `ratio` is the median over the rounds of Meta's time over ours, Meta's being
`export_onnx_model.py --return-single-mask`, with a 95 % bootstrap interval. With `--native` the graphs alone are
compared, in Python's onnxruntime on one thread: prompts of more points than the click kernel takes run as graphs.

With `--family` it is the product's own plain export, the network's decoder as one graph, beside the session that the
page's worker runs for that network (`decoder_browser_families.py`).
"""

import argparse
import json
import platform
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path too

import numpy as np

from benchmarks.decoder_browser_families import FAMILIES, make_family
from benchmarks.random_sam import CHANNELS, GRID, RandomSam, export_meta
from segmentation.decoder.package import write_package
from segmentation.families.sam.decoder_weights import from_segment_anything
from segmentation.families.two_way.package import build_graphs, decoder_files
from segmentation.families.two_way.session import FastDecoder

ROOT = Path(__file__).parents[1]
SIZES = ((1024, 1024), (2250, 1500))  # width, height
POINTS = (1, 2, 5)
WARM_UP_ROUNDS = 4
BOOTSTRAP_DRAWS = 2000
MAX_KERNEL_POINTS = 10  # click-kernel.js takes 16 tokens: the decoder's five, the points, the padding point
KEPT_IMAGES = 3  # decoder-worker.js's: the one on screen, the one before, the next one


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/decoder_browser.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=30, help="measured rounds per case (default 30)")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--points", type=int, nargs="+", default=POINTS)
    parser.add_argument("--sizes", nargs="+", default=[f"{width}x{height}" for width, height in SIZES])
    parser.add_argument(
        "--native", action="store_true", help="the graphs in Python's onnxruntime, no browser"
    )
    parser.add_argument(
        "--models", type=Path, help="with --family: keep what is made for it here, and use it again"
    )
    parser.add_argument("--family", choices=FAMILIES, help="its plain export beside the page's session")
    options = parser.parse_args()
    if options.native:
        measure_natively(options.points, options.rounds)
        return
    if max(options.points) > MAX_KERNEL_POINTS:
        parser.error(f"the kernel takes up to {MAX_KERNEL_POINTS} points; for more: --native")
    sizes_wh = [tuple(map(int, size.split("x"))) for size in options.sizes]
    cases = [
        {"points": count, "width": width, "height": height, "maskPrompt": mask_prompt}
        for width, height in sizes_wh
        for count in options.points
        for mask_prompt in (False, True)
    ]
    if options.family:
        with tempfile.TemporaryDirectory(prefix="maskwright-benchmark-") as folder:
            models = (options.models or Path(folder)) / options.family
            measure_family(options.family, models, options.threads, cases, options.rounds, options.json)
        return
    with tempfile.TemporaryDirectory(prefix="maskwright-benchmark-") as folder:
        models = Path(folder)
        make_models(models)
        results = run(models, options.threads, cases, options.rounds)
        sizes = {path.name: path.stat().st_size for path in sorted(models.iterdir())}
    rows, once = [], []
    for threads, result in results.items():
        once.append(as_once(threads, result))
        print_once(once[-1])
        rows += [as_row(threads, row) for row in result["rows"]]
        print_table([row for row in rows if row["threads"] == threads])
    values = CHANNELS * GRID * GRID
    wire = sizes | {"embedding as float16": 2 * values, "embedding as int8": values + 4 * CHANNELS}
    print("\nbytes on the wire: " + ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in wire.items()))
    if options.json:
        made = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"machine": machine(), "made": made, "bytes_on_the_wire": wire, "once": once, "rows": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def make_models(folder: Path) -> None:
    """Meta's graph in both forms, the fast decoder's package, and an image embedding."""
    sam = RandomSam(seed=4)
    export_meta(sam, folder / "meta-default.onnx", return_single_mask=False)
    export_meta(sam, folder / "meta-single.onnx", return_single_mask=True)
    metadata = {"bundle_digest": "random", "family": "sam"}
    files = decoder_files(from_segment_anything(sam.decoder_state()))
    write_package(files, folder / "fast.safetensors", metadata)
    (folder / "embedding.f32").write_bytes(sam.image_embedding().tobytes())


def measure_family(
    family: str, models: Path, threads: list[int], cases: list[dict], rounds: int, out: Path | None
) -> None:
    """A family's click in the page's session and as one graph, in the same page, taking turns."""
    made = models / "bundle.json"
    if not made.is_file():
        models.mkdir(parents=True, exist_ok=True)
        made.write_text(json.dumps(make_family(family, models)))
    results = run(models, threads, cases, rounds, {"bundle": json.loads(made.read_text())})
    sizes = {path.name: path.stat().st_size for path in sorted(models.iterdir()) if path.suffix != ".json"}
    del sizes["random"]
    print(
        f"{family}: bytes on the wire: "
        + ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items())
    )
    rows = []
    for count, result in results.items():
        memory = result["memory"]
        print(
            f"{count} thread{'s' * (count > 1)}: once per image {result['imageMs']:.0f} ms; the whole page's memory: "
            + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in memory.items() if size)
        )
        for row in result["rows"]:
            times = {name: np.array(values) for name, values in row["times"].items()}
            ratios = times["plain"] / times["ours"]
            low, high = interval(ratios)
            rows.append(
                {
                    "family": family,
                    "threads": count,
                    "points": row["points"],
                    "size": f"{row['width']}x{row['height']}",
                    "mask_prompt": row["maskPrompt"],
                    **{f"{name}_ms": round(float(np.median(values)), 2) for name, values in times.items()},
                    "ratio": round(float(np.median(ratios)), 3),
                    "ratio_95": [round(low, 3), round(high, 3)],
                    "max_logit_difference": row["difference"]["max"],
                    "logit_rms": row["difference"]["rms"],
                    "image_ms": round(result["imageMs"], 1),
                    "memory": memory,
                }
            )
            print(
                ", ".join(f"{name} {value}" for name, value in rows[-1].items() if name != "memory"),
                flush=True,
            )
    if out:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"machine": machine(), "made": now, "bytes_on_the_wire": sizes, "rows": rows}
        out.write_text(json.dumps(report, indent=2) + "\n")


def measure_natively(points: list[int], rounds: int) -> None:
    """Meta's single-mask graph and ours, one mask of a square image, taking turns.

    One thread, so its processor time is the time it takes, whatever else the machine does.
    """
    import onnxruntime

    sam = RandomSam(seed=4)
    embedding = sam.image_embedding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory(prefix="maskwright-benchmark-") as folder:
        export_meta(sam, Path(folder) / "meta.onnx", return_single_mask=True)
        meta = onnxruntime.InferenceSession(
            str(Path(folder) / "meta.onnx"), options, providers=["CPUExecutionProvider"]
        )
    decoder = FastDecoder(build_graphs(from_segment_anything(sam.decoder_state())))
    image = decoder.prepare_image(embedding)
    fixed = {
        "image_embeddings": embedding,
        "mask_input": np.zeros((1, 1, 4 * GRID, 4 * GRID), np.float32),
        "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([1024, 1024], np.float32),
    }
    for count in points:
        random = np.random.default_rng(count)
        coords = np.append(random.uniform(0, 1024, (1, count, 2)), [[[0, 0]]], axis=1).astype(np.float32)
        labels = np.append(np.arange(count) % 3 != 2, -1)[None].astype(np.float32)
        times: dict[str, list[float]] = {"meta": [], "ours": []}
        for turn in range(WARM_UP_ROUNDS + rounds):
            for name, taken in times.items():
                started = time.process_time()
                if name == "meta":
                    meta.run(["low_res_masks"], fixed | {"point_coords": coords, "point_labels": labels})
                else:
                    decoder.masks(
                        image, decoder.click(image, coords, labels, mask_count=1), (0, GRID, 0, GRID)
                    )
                if turn >= WARM_UP_ROUNDS:
                    taken.append(1000 * (time.process_time() - started))
        ratios = np.array(times["meta"]) / np.array(times["ours"])
        low, high = interval(ratios)
        print(
            f"{count} points: Meta's graph {np.median(times['meta']):.0f} ms, ours {np.median(times['ours']):.0f} ms, "
            f"ratio {np.median(ratios):.2f} [{low:.2f}, {high:.2f}]",
            flush=True,
        )


def run(
    models: Path, threads: list[int], cases: list[dict], rounds: int, more: dict[str, Any] | None = None
) -> dict[int, dict[str, Any]]:
    """One page per number of threads; with a `bundle` in `more` one more for each memory's measure."""
    from playwright.sync_api import sync_playwright

    from scripts.environment import require_chromium
    from tests.e2e.conftest import CHROMIUM_ARGS

    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(models))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    results = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_chromium(), args=CHROMIUM_ARGS)
        for count in threads:
            page = browser.new_page()
            page.set_default_timeout(0)
            page.goto(f"http://127.0.0.1:{server.server_port}/page/index.html")
            settings = {"threads": count, "cases": cases, "rounds": rounds, "warmUp": WARM_UP_ROUNDS}
            settings |= more or {}
            results[count] = page.evaluate("settings => measure(settings)", settings)
            page.close()
            for only in ("plain", "ours") if more else ():
                page = browser.new_page()
                page.set_default_timeout(0)
                page.goto(f"http://127.0.0.1:{server.server_port}/page/index.html")
                memory = page.evaluate("settings => memoryOf(settings)", settings | {"only": only})
                results[count].setdefault("memory", {})[only] = memory
                page.close()
        browser.close()
    server.shutdown()
    return results


def make_handler(models: Path) -> type[SimpleHTTPRequestHandler]:
    """Serves the page, the product's scripts, onnxruntime-web and the models, cross-origin isolated (for threads)."""
    vendored, installed = ROOT / "static/vendor/ort", ROOT / "node_modules/onnxruntime-web/dist"
    runtime = vendored if vendored.is_dir() else installed
    if not runtime.is_dir():
        raise SystemExit("onnxruntime-web is not here: run npm ci && npm run vendor")
    folders = {
        "page": ROOT / "benchmarks/decoder_browser_page",
        "js": ROOT / "static/js",
        "ort": runtime,
        "models": models,
    }

    class Handler(SimpleHTTPRequestHandler):
        extensions_map = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm",
                          ".html": "text/html", "": "application/octet-stream"}  # fmt: skip

        def translate_path(self, path: str) -> str:
            top, _, rest = path.split("?")[0].lstrip("/").partition("/")
            folder = folders.get(top, Path("/nonexistent"))
            return str(folder / Path(rest).name if top in ("ort", "models") else folder / rest)

        def end_headers(self) -> None:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            super().end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


def as_row(threads: int, row: dict[str, Any]) -> dict[str, Any]:
    times = {name: np.array(values) for name, values in row["times"].items()}
    ratios = times["meta"] / times["ours"]
    low, high = interval(ratios)
    return {
        "threads": threads,
        "points": row["points"],
        "size": f"{row['width']}x{row['height']}",
        "mask_prompt": row["maskPrompt"],
        "meta_ms": round(float(np.median(times["meta"])), 2),
        "ours_ms": round(float(np.median(times["ours"])), 2),
        "ratio": round(float(np.median(ratios)), 3),
        "ratio_95": [round(low, 3), round(high, 3)],
        "meta_default_ms": round(float(np.median(times["meta_default"])), 2),
        "ours_all_masks_ms": round(float(np.median(times["ours_4"])), 2),
        "ours_click_graph_ms": round(float(np.median(times["ours_click"])), 2),
        "ours_graphs_ms": round(float(np.median(times["ours_graphs"])), 2),
        "ratio_graphs": round(float(np.median(times["meta"] / times["ours_graphs"])), 3),
        "max_logit_difference": max(one["max"] for one in row["differences"].values()),
        "sign_flips": max(one["flips"] for one in row["differences"].values()),
        "logit_rms": row["differences"]["ours"]["rms"],
    }


def interval(ratios: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    draws = np.random.default_rng(0).choice(ratios, (BOOTSTRAP_DRAWS, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return float(low), float(high)


def as_once(threads: int, result: dict[str, Any]) -> dict[str, Any]:
    """What is paid once per page or once per image. The worker keeps KEPT_IMAGES images."""
    return {
        "threads": threads,
        "open_ms": round(result["openMs"], 1),
        "image_ms": round(float(np.median(result["imageMs"])), 1),
        "image_bytes": result["imageBytes"],
        "kept_images_bytes": KEPT_IMAGES * (result["imageBytes"] + result["embeddingBytes"]),
        "kernel_bytes": result["kernelBytes"],
    }


def print_once(once: dict[str, Any]) -> None:
    print(
        f"\n{once['threads']} thread{'s' * (once['threads'] > 1)}: sessions made in {once['open_ms']:.0f} ms; once per "
        f"image {once['image_ms']:.0f} ms; memory {once['image_bytes'] / 1e6:.1f} MB an image, "
        f"{once['kept_images_bytes'] / 1e6:.0f} MB for {KEPT_IMAGES} with their embeddings, kernel "
        f"{once['kernel_bytes'] / 1e6:.1f} MB"
    )


def print_table(rows: list[dict[str, Any]]) -> None:
    print(
        f"{'size':>10} {'points':>6} {'mask':>5} {'meta 4':>8} {'meta 1':>8} {'ours 1':>8} {'ours 4':>8} {'graphs':>8} "
        f"{'click':>8} "
        f"{'ratio':>6}  95 %          graphs  max diff (rms)"
    )
    for row in rows:
        low, high = row["ratio_95"]
        print(
            f"{row['size']:>10} {row['points']:>6} {'yes' if row['mask_prompt'] else 'no':>5} "
            f"{row['meta_default_ms']:8.1f} {row['meta_ms']:8.1f} {row['ours_ms']:8.1f} "
            f"{row['ours_all_masks_ms']:8.1f} {row['ours_graphs_ms']:8.1f} {row['ours_click_graph_ms']:8.1f} "
            f"{row['ratio']:6.2f}  [{low:.2f}, {high:.2f}]  {row['ratio_graphs']:6.2f}  "
            f"{row['max_logit_difference']:.1e} ({row['logit_rms']:.1f})"
        )


def machine() -> str:
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    import os

    return f"{cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Chromium headless"


if __name__ == "__main__":
    main()
