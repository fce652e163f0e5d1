"""One module for each kind of job: a claimed job -> its result."""
