"""The table of pairs: which translator carries a surface's dialect over an upstream's."""
