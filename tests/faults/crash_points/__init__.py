"""The tests of one production: a package, so that it ends with the last of them."""
