"""Image embeddings: which bundle makes them, in which order, and where they are kept."""
