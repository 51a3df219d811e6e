"""From counts to pixels."""
