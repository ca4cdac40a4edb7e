"""Judgements: rules in SQL over the lake, and the findings they give."""
