"""How the book is built: which pages have to run again, how they are run, what readers can take away."""
