"""The OpenAPI description of a server."""


def describe(models, limits):
    return {"openapi": "3.1.0", "info": {"title": "hardmax", "version": "0"}, "paths": {}}


def document(described):
    return b""
