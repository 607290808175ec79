"""The book as a reader's browser shows it: what the tests in `test_browser.py` ask of a page."""
