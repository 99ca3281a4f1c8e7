"""What a person sees while a job is at work: folding, layout, and the live, plain and JSON displays."""
