"""The commands that read: tables, the report, prices, plans."""
