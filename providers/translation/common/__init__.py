"""Parts of translation that belong to no single dialect: parts, tool names, media, values."""
