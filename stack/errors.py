"""What can go wrong in the local stack, in words for the person at the terminal."""


class StackError(Exception):
    """A step of the local stack failed; the message says which, why, and where its log is."""
