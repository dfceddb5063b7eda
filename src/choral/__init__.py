"""choral learns from many people's devices and hears none of them."""

__version__ = "0.1.0"
