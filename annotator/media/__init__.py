"""Images: taken in, checked, kept and removed."""
