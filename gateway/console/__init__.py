"""Pages and reports for people: the admin's overview and lists, and `doctor`."""
