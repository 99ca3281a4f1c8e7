"""What a job is: document, nodes, references, rounds, plan, states. Pure: no I/O, no clock, no event loop."""
