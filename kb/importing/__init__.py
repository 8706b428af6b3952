"""Import of a hosted help centre: its export or its pages to a folder of Markdown articles."""
