"""What runs ioledger by itself: units for systemd, and lines for cron, with the paths of one installation in them."""
