"""Local systems to run against: they speak the vendors' protocols over HTTP and know nothing of the package."""
