"""What Threadline's speed is measured with: `make bench`."""
