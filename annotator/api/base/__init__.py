"""What all views of the API share."""
