"""A radio without a radio: virtual sensors and a virtual link, for tests and for trying an exam on a laptop.

It needs the extra ``emulator`` (bumble). Nothing outside imports it but what simulates.
"""
