"""Tell operators what they asked to be told of: rules say what, channels where; once, on any number of workers."""
