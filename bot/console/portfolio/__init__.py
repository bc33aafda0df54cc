"""The portfolio as people see it: the same plots and words for the console's page and for the file of `rapport score --report`."""
