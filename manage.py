#!/usr/bin/env python
"""Django's command line for Maskwright: `python manage.py help` lists the commands."""

from annotator.cli import main

if __name__ == "__main__":
    main()
