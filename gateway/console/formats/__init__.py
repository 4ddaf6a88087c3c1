"""Date and time formats of the admin, one package per language (`FORMAT_MODULE_PATH`)."""
