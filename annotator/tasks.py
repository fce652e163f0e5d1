"""Celery tasks: thin, they call the domain modules."""
