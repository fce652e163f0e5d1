"""Memory for taking in large pictures: the peak of one of each kind, and of many at once in two processes.

    python -m benchmarks.upload_memory [--megapixels 100] [--at-once 8]

Each measurement has a process of its own, whose resident memory after loading everything counts as nothing.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1_000_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ROTATED = 6  # EXIF orientation: stored lying, shown upright

TAKES_IN = """
import sys, threading, io
from pathlib import Path
import django
django.setup()
from annotator.media import pixels
small = pixels.prepare(io.BytesIO(Path(sys.argv[2]).read_bytes()))  # everything is loaded
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("ready", flush=True)
sys.stdin.readline()
open("/proc/self/clear_refs", "w").write("5")  # the peak counts from now
before = resident()
def take_in():
    with open(sys.argv[1], "rb") as file:
        pixels.prepare(file)
threads = [threading.Thread(target=take_in) for _ in range(int(sys.argv[3]))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print((peak() - before) * 1024, (resident() - before) * 1024, flush=True)
"""


def pictures(folder: Path, megapixels: float) -> dict[str, Path]:
    """One file of each kind, all of one colour but for a gradient: small files, large pictures."""
    side = round((megapixels * 1e6) ** 0.5)
    ramp = np.linspace(0, 255, side, dtype=np.uint8)
    grey = np.broadcast_to(ramp, (side, side))
    rgb = Pillow.merge("RGB", [Pillow.fromarray(np.ascontiguousarray(grey))] * 3)
    kinds = {
        "RGB, PNG": (rgb, "PNG", {"compress_level": 1}),
        "RGB, JPEG": (rgb, "JPEG", {}),
        "rotated JPEG": (rgb, "JPEG", {"exif": _rotated()}),
        "RGBA, PNG": (rgb.convert("RGBA"), "PNG", {"compress_level": 1}),
        "16-bit grey, PNG": (
            Pillow.fromarray(np.ascontiguousarray(grey.astype(np.uint16) * 257)),
            "PNG",
            {"compress_level": 1},
        ),
        "CMYK, JPEG": (rgb.convert("CMYK"), "JPEG", {}),
    }
    paths = {}
    for number, (kind, (picture, format, options)) in enumerate(kinds.items()):
        paths[kind] = folder / f"{number}"
        picture.save(paths[kind], format, **options)
    return paths


def _rotated() -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = ROTATED
    return exif


def small_picture(folder: Path) -> Path:
    stream = io.BytesIO()
    Pillow.new("RGBA", (600, 400), "teal").save(stream, "PNG")
    path = folder / "small"
    path.write_bytes(stream.getvalue())
    return path


def measure(
    path: Path, small: Path, data_dir: Path, threads: int = 1, processes: int = 1
) -> tuple[int, int, float]:
    """(peak of all processes together, what they keep, in bytes; seconds)."""
    environment = os.environ | {
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "annotator.settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", TAKES_IN, str(path), str(small), str(threads)]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout.readline().strip() == "ready"
    before = sum(resident_bytes(process.pid) for process in running)
    started_s = time.monotonic()
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    peak = 0
    while any(process.poll() is None for process in running):
        peak = max(peak, sum(resident_bytes(process.pid) for process in running) - before)
        time.sleep(0.005)
    took_s = time.monotonic() - started_s
    results = [process.stdout.read().split() for process in running]
    assert all(process.returncode == 0 for process in running)
    if processes == 1:
        peak = max(peak, int(results[0][0]))  # the kernel's own, which misses nothing
    return peak, sum(int(kept) for _, kept in results), took_s


def resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--at-once", type=int, default=8, help="In each of two processes.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = small_picture(folder)
        title = f"one picture of {options.megapixels:g} megapixels"
        print(f"{title:<34} peak MB  kept MB  bytes/px     s")
        paths = pictures(folder, options.megapixels)
        for kind, path in paths.items():
            peak, kept, took_s = measure(path, small, folder / "data")
            per_pixel = peak / (options.megapixels * 1e6)
            print(
                f"{kind:<34} {peak / MEGABYTE:>7.0f}  {kept / MEGABYTE:>7.0f}  {per_pixel:>8.1f}  {took_s:>4.1f}",
                flush=True,
            )
        if options.at_once:
            kind = "16-bit grey, PNG"
            peak, kept, took_s = measure(paths[kind], small, folder / "data", options.at_once, processes=2)
            print(
                f"{f'2 x {options.at_once} at once, {kind}':<34} {peak / MEGABYTE:>7.0f}  {kept / MEGABYTE:>7.0f}"
                f"  {'':>8}  {took_s:>4.1f}"
            )


if __name__ == "__main__":
    main()
