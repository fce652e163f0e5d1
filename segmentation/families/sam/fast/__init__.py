"""SAM's mask decoder as graphs that answer several times faster than one: image, click, tail. See docs/decoder.md."""
