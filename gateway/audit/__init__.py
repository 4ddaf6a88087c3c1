"""Audit: who changed what, from where and when. Rows are only ever added, and go when they are old."""
