"""Runs made readable: HTML pages that need no network, and the templates that they are made of.

Figures come from ``hardmax.evaluation``; here they are only arranged and drawn.
"""
