"""The programs that measure Threadline's speed: `make bench`."""
