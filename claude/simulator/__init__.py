"""A simulator of Anthropic's Messages API: a real HTTP server, strict where the real one is strict.

It shares no code with the client on purpose. It has its own table of models and prices, so that it finds the client's
mistakes instead of repeating them.
"""
