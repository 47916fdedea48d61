"""Commands that read records, prices and facts, and their options."""
