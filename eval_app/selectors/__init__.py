"""Reads of evaluation: home, studies, reports. Every function takes the actor first."""
