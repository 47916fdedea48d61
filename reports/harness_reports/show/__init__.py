"""How results are shown: charts, the report, the formats of tables."""
