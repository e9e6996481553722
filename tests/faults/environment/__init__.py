"""The tests of one system that lacks a part: a package, so that the system ends with the last of them."""
