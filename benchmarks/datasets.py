"""How long do exports and imports of large datasets take, and how much memory, beside datumaro on the same work?

    python benchmarks/datasets.py [--masks 100000] [--formats coco ...] [--datumaro coco ...] [--tables]

Synthetic rows: images of 640 x 480 with ten masks each, without pictures. Each piece of work runs in a process of its
own: one format is written to a file from records that are made up on the way, and read again with every mask checked,
measured and boxed. Where datumaro reads and writes the format, it does the same with the same file (its own reader with
every box asked for, and its own writer). With --tables, the file of the first format is also examined, taken into the
tables of a real project (SQLite, in a folder of its own) and exported from them, each step as a worker does it.

Prints seconds, those of them that the processor worked for it, masks a second, and the most memory of the process
beyond what it had before the work. Last, how many times as fast as datumaro this project is, by the processor's
seconds: other programs on the machine change those least.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from exporters.registry import FORMATS, export_formats, import_formats  # noqa: E402
from scripts.environment import READERS_PYTHON  # noqa: E402

WORK = Path(__file__).with_name("dataset_work.py")
TABLES = Path(__file__).with_name("dataset_tables.py")
DATUMARO_WORK = ROOT / "tests" / "readers" / "datumaro_work.py"
# This project's name of a format -> datumaro's.
DATUMARO_NAMES = {"coco": "coco_instances", "datumaro": "datumaro"}


class Measured(NamedTuple):
    seconds: float
    cpu_seconds: float
    mebibytes: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--masks", type=int, default=100_000)
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=[next(iter(FORMATS))])
    parser.add_argument(
        "--datumaro", nargs="*", choices=list(DATUMARO_NAMES), default=[next(iter(DATUMARO_NAMES))]
    )
    parser.add_argument("--tables", action="store_true")
    options = parser.parse_args()
    print(f"{options.masks} masks, ten an image\n")
    print(f"{'work':<36} {'s':>9} {'CPU s':>9} {'masks/s':>10} {'MiB more':>9}")
    for name in options.formats:
        with tempfile.TemporaryDirectory() as place:
            measure(name, Path(place), options.masks, beside_datumaro=name in options.datumaro)
            if options.tables and name == options.formats[0]:
                measure_tables(name, Path(place), options.masks)
    return 0


def measure(name: str, place: Path, masks: int, beside_datumaro: bool) -> None:
    file = file_of(name, place)
    ours: dict[str, Measured] = {}
    if name in export_formats():
        ours["writes"] = row(f"{name}: written", masks, [sys.executable, WORK, "write", name, file, masks])
    if name in import_formats() and file.exists():
        ours["reads"] = row(f"{name}: read", masks, [sys.executable, WORK, "read", name, file, masks])
    if beside_datumaro and file.exists():
        folder = place / "for-datumaro"
        command = [READERS_PYTHON, DATUMARO_WORK, DATUMARO_NAMES[name], file, folder, masks]
        theirs = {}
        for what in ("reads", "writes"):
            theirs[what] = row(f"{name}: datumaro {what}", masks, [*command, what])
        for what, measured in theirs.items():
            if what in ours:
                times = measured.cpu_seconds / ours[what].cpu_seconds
                print(f"{name}: {what} {times:.1f} times as fast as datumaro")


def measure_tables(name: str, place: Path, masks: int) -> None:
    environment = os.environ | {"DATA_DIR": str(place / "data"), "IMPORT_ROOTS": str(place)}
    subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"], env=environment, check=True
    )
    for action, title in (
        ("fill", "project made"),
        ("examine", "dry run of an import"),
        ("take_in", "taken into tables"),
        ("export", "exported from tables"),
    ):
        command = [sys.executable, TABLES, action, file_of(name, place), masks]
        row(f"{name}: {title}", masks, command, environment)


def file_of(name: str, place: Path) -> Path:
    return place / f"dataset{FORMATS[name].extension}"


def row(title: str, masks: int, command: list[object], environment: dict[str, str] | None = None) -> Measured:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{title} failed:\n{done.stderr[-2000:]}")
    measured = Measured(**json.loads(done.stdout.splitlines()[-1]))
    rate = masks / max(measured.seconds, 1e-9)
    print(
        f"{title:<36} {measured.seconds:9.1f} {measured.cpu_seconds:9.1f} {rate:10.0f} {measured.mebibytes:9.0f}",
        flush=True,
    )
    return measured


if __name__ == "__main__":
    sys.exit(main())
