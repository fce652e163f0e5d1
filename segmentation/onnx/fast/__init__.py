"""SAM's mask decoder as graphs that answer several times faster than one: image, click, tail. See docs/decoder.md."""

# The families with a fast decoder: SAM's two-way transformer as graphs, pocket's network as a kernel. The others run as
# one graph.
FAST_FAMILIES = ("sam", "pocket")
# Of the package's layout, its graphs' inputs and its kernels, with every field that the page's scripts write for them.
# A package that the scripts would not understand is not used, but made anew.
PACKAGE_VERSION = 2
FORMAT = f"maskwright-fast-decoder/{PACKAGE_VERSION}"
