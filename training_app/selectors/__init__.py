"""Reads of training: runs, series, live news, comparisons. Every function takes the actor first."""
