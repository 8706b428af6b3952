"""HTML to Markdown: for help centres that move in and for programs that read articles."""
