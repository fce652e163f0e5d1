"""Label Studio's brush codec: FILE with [{"rows": [[0, 1, ...], ...], "code": [...]}, ...] -> the same list, with
`code` as the converter encodes `rows`, and `rows` as it decodes `code`."""

from __future__ import annotations

import json
import sys

import numpy as np
from label_studio_sdk.converter import brush


def main(path: str) -> None:
    told = []
    with open(path, encoding="utf-8") as stream:
        for each in json.load(stream):
            mask = np.array(each["rows"], np.uint8)
            decoded = brush.decode_rle(each["code"]).reshape(*mask.shape, 4)[:, :, 3]
            told.append({"code": brush.mask2rle(mask * 255), "rows": (decoded > 0).astype(int).tolist()})
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
