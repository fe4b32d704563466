"""What people are told, how it is put, how often, and the ways to reach them."""
