"""How often smctrain is wrong about noise, and how often it finds what is there. Run by `python benchmarks/honesty`."""
