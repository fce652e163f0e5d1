"""SAM's mask decoder as graphs that answer several times faster than one: image, click, tail. See docs/decoder.md."""

# The families whose decoder is SAM's two-way transformer; the others run as one graph.
FAST_FAMILIES = ("sam",)
# Of the package's layout, its graphs' inputs and its kernel: one that the page's scripts would not understand is not
# used, but made anew.
PACKAGE_VERSION = 1
