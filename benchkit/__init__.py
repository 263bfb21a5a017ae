"""benchkit: does a computing channel keep its promise?"""

__version__ = "0.1.0"
