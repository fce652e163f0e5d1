"""What keeps an installation well: the doctor, the demo, the overview."""
