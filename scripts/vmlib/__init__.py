"""The parts of scripts/vm."""
