"""A login under a booted systemd, from power on to power off: ``scripts/check-login`` runs this."""
