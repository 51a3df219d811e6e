"""Where pointer events come from: one module a source."""
