"""The mask decoder around a two-way transformer, as graphs and kernels that answer several times faster than one graph:
image, click, tail. See docs/decoder.md.

Several families have this decoder; none is known here.
"""
