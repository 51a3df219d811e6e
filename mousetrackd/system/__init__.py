"""What the operating system is asked for: folders, files, the log, the session bus's address."""
