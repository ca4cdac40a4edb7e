"""The capacity model: what each step takes at several sizes, formulas for it, and what breaks first."""
