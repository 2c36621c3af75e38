"""A Marketo instance that runs at home."""
