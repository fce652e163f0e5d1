"""Jobs of every kind: the queue, the lease of the worker that holds one, wake-ups, reports."""
