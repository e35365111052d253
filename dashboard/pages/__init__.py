"""The pages: each speaks, and leaves thinking to the services."""
