"""Recipes as callers describe them, and run in this process."""
