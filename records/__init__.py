"""Patients, sessions and recordings: the store, and every exchange format."""
