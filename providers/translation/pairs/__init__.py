"""A translator for each pair of a surface's dialect and an upstream's."""
