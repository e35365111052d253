"""Pieces of pages, and the server that shows them."""
