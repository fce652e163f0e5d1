"""datumaro reads a dataset and writes it again: FORMAT FOLDER COPY -> the number of items."""

from __future__ import annotations

import json
import sys

import datumaro


def main(format: str, folder: str, copy: str) -> None:
    dataset = datumaro.Dataset.import_from(folder, format)
    dataset.export(copy, format, save_media=True)
    print(json.dumps(len(dataset)))


if __name__ == "__main__":
    main(*sys.argv[1:])
