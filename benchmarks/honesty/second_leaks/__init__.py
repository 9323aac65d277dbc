"""Leaky pipelines as users write them, by a second author, who did not know how the guard works.

base     what a case is, how it is run, what counts as found, missed and falsely accused
columns  columns made from bars: filters, joins, scalings that know the rest of the history
tables   finished tables, and copies of rows in them
fits     what happens between the split and the prediction
rows     which rows are held out, which are left, and which are kept at all
strong   clean pipelines that look guilty
later    leaks and clean pipelines added after the guard had been read: they test what was mended
"""
