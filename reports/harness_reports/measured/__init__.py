"""Records without prices: candidates, statistics, and the tables of accuracy and throughput."""
