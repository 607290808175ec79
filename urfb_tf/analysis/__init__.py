"""What the recorded runs say: compared, ranked, counted and put into sentences and tables. Nothing here trains."""
