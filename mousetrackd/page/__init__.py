"""One HTML file in which a person browses their days: no server, no network, no library."""
