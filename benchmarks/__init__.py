"""The speed of hardmax compared with other trainers of the same network, per framework."""
