"""The pictures of the documents: a stack of their own, a small world made by real runs, and a browser that visits it."""
