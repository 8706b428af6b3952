"""What articles answer of a support queue: tickets read, answered, labelled, grouped, reported."""
