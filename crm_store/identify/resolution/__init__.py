"""Batch resolution: which records of the business are of one person, decided from all of them together. Pure but for Splink."""
