"""The tests of one whole system: a package, so that the system ends with the last of them."""
