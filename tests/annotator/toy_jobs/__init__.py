"""A third kind of job: what a new kind needs and nothing else: a model, a runner, and a row of the table."""
