"""What holds for every file, extension, template, link and import."""
