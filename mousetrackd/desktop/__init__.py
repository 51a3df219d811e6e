"""Starting with the session, and what is installed for it."""
