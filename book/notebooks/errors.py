"""What stops the generator."""


class NotebookError(ValueError):
    """A page holds something that a notebook cannot show; the message names it and says what to do."""
