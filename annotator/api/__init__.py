"""The JSON API: one module for each noun, shared parts in `base`."""
