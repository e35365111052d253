"""Charts as plain ECharts options: what is drawn is decided here, without a page, and can be tested without one."""
