"""What the pages and the command line do, without a page: every service is plain Python over records and analysis."""
