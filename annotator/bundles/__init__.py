"""Model bundles: known, mirrored from disk, installed, their decoders exported."""
