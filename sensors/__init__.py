"""Inertial and other sensors to samples on one clock to a joint angle, force and EMG."""
