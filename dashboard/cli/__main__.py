"""``python -m dashboard.cli`` is the same as ``catchangle``."""

from dashboard.cli import main

main()
