"""`make bench`: how time and memory grow with size. Ratios within one run: the numbers themselves are this machine's."""
