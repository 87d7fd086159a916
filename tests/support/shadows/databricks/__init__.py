"""Stands in front of Databricks' package, and has nothing: see ``environment.hide_databricks``."""
