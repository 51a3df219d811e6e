"""Maps of many machines: what one gives to a study, coarsened before it leaves, and the sum of all. Optional."""
