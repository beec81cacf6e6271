"""The wire format: requests as marshmallow schemas, which know the core and no HTTP."""
