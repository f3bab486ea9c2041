"""The charts of pages, papers and `.plot()`: plain data and axes in, axes out."""
