"""What the service costs, and how far it scales, computed from what its operations cost.

`python -m benchmarks.cost` writes docs/cost.md and docs/scale.md. Every figure in them comes from
one of four places: `operations.py` (storage calls and entities, which
tests/unit/store/test_costs.py asserts against real storage), `measured.toml` (written by
`--measure`), `prices.toml` and `assumptions.toml`, both to be replaced by one's own.
"""
