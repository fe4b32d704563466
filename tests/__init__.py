"""Tests of the program, from outside where that is possible, with the worlds and builders that they share."""
