"""What evaluation adds to the command line."""
