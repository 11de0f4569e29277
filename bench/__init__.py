"""How fast it is: ratios within one run, because machines are noisy. `make bench`."""
