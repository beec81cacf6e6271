"""The numeric core: metrics as functions of exact, mergeable states. Imports numpy and the standard library only."""
