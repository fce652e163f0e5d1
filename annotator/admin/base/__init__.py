"""What the admin's modules share."""
