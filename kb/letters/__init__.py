"""Letters to support: what was typed, its attachments and spam, and where it is delivered to."""
