"""Numbers by day: what was made, what it cost, what failed and what was decided, added up beside the rows that say it."""
