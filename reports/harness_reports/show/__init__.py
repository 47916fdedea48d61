"""Charts, the report and the formats of tables."""
