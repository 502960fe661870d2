"""Curves as pictures: on a terminal, and as SVG."""
