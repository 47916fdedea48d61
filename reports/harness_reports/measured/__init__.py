"""What was measured: candidates, statistics, and the tables of accuracy and throughput. No prices."""
