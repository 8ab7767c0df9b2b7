"""The miss report, the summary of a run, and the HTML page."""
