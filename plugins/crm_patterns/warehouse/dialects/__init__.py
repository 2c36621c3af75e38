"""What differs between warehouses, one module each."""
