class Aggregates:
    pass
