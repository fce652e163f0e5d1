"""The project's own shards as training samples: whatever is wrong with a picture or a mask is counted and left out.

A shard is a `*.tar` of one source: `masks.json.gz` first, then the pictures.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from segmentation import rle
from segmentation.training.data.samples import NoTrainingData, ReadReport, Sample, Unusable, read_pixels

SHARD_INDEX = "masks.json.gz"


def chosen_shards(shards: list[Path], sources: Sequence[str] | None) -> list[Path]:
    known = [path.stem for path in shards]
    unknown = [source for source in sources or () if source not in known]
    if unknown:
        raise NoTrainingData(
            f"--sources: no shard is called {', '.join(unknown)}; {shards[0].parent} has {', '.join(known)}"
        )
    return [path for path in shards if not sources or path.stem in sources]


def read_shards(shards: list[Path], split: str | None, report: ReadReport) -> Iterator[Sample]:
    for path in shards:
        try:
            with tarfile.open(path, "r:") as archive:
                members = iter(archive)
                records = _shard_records(archive, next(members, None), path)
                for member in members:
                    record = records.pop(member.name, None)
                    if record is None or (split and record.get("split") != split):
                        continue
                    try:
                        yield _shard_sample(path.stem, record, _content(archive, member), report)
                    except Unusable as reason:
                        report.skipped[str(reason)] += 1
        except (tarfile.TarError, OSError, EOFError) as error:
            raise NoTrainingData(
                f"{path} is not a shard, or is damaged or cut off ({error}): copy it again, or move it away"
            ) from None
        if records:  # tarfile takes an end between two files for the end of the archive
            raise NoTrainingData(f"{path} is cut off, {len(records)} pictures are missing: copy it again")


def _shard_records(archive: tarfile.TarFile, first: tarfile.TarInfo | None, path: Path) -> dict[str, dict]:
    """The records of a shard by the name of their picture, from its first file."""
    if first is None or not first.isfile() or Path(first.name).name != SHARD_INDEX:
        raise NoTrainingData(
            f"{path} is not a shard: its first file is not {SHARD_INDEX}. Move it away, or name shards with --sources"
        )
    content = _content(archive, first)
    try:
        rows = json.loads(gzip.decompress(content))["images"]
        return {row["file"]: row | {"masks": list(row["masks"])} for row in rows}
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise NoTrainingData(
            f"{path}: its {SHARD_INDEX} is damaged ({error}): copy the shard again"
        ) from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise Unusable("not a file")
    return file.read()


def _shard_sample(source: str, record: dict, content: bytes, report: ReadReport) -> Sample:
    pixels = read_pixels(io.BytesIO(content))
    hw = pixels.shape[:2]
    masks, kinds, labels = [], [], []
    for mask in record["masks"]:
        try:
            runs = mask["rle"]
            encoded = runs if isinstance(runs, dict) else {"size": list(hw), "counts": runs}
            is_empty = not rle.runs(encoded, hw)[1::2].any()
            kind = mask["kind"]
        except (rle.RleError, KeyError, TypeError):
            report.skipped["malformed segmentation"] += 1
            continue
        if is_empty:
            report.skipped["empty mask"] += 1
            continue
        masks.append(encoded)
        kinds.append(kind)
        labels.append(str(mask.get("label", "")))
    if not masks:
        raise Unusable("image without masks")
    return Sample(source, f"{source}/{record['file']}", pixels, masks, kinds, labels)
