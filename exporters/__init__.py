"""Turns frozen records into dataset files. Knows neither Django nor torch."""
