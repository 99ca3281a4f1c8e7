"""Values that a job sets for itself, and files made of them."""
