"""The program's settings with another table of published models, the one that CATALOGUE names, and small networks."""

import os
import sys
from pathlib import Path

import segmentation.catalogue
from annotator.settings import *  # noqa: F403

segmentation.catalogue.TABLE = Path(os.environ["CATALOGUE"])

# Only the process that installs models needs the small network, and it alone takes the time to load torch.
if sys.argv[1:2] == ["bundles"]:
    from segmentation.families.sam.network import VARIANTS

    VARIANTS["vit_b"] = VARIANTS["tiny"]
