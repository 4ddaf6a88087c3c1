"""Files that hold providers: the reference's store, and imports."""
