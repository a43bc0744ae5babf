"""A page for developers: every piece that pages are made of, in each of its states, drawn by the templates of the product."""
