"""Account Engagement (Pardot), API version 5: prospects read and written, activities read."""
