"""What `rapport doctor` looks at: one module for each neighbour of ours. Each raises Refusal for what is wrong there."""
