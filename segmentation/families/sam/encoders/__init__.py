"""The image encoders that stand before SAM's decoder in place of its own, each with its shape (`NetworkShape`).

Their batch norms are part of the convolutions before them: `segmentation.families.folding` does that when published
weights are converted, so that a bundle's networks have none.
"""
