"""The words of the package; standard library only."""
