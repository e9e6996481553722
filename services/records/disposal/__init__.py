"""Disposal (*pelupusan*): what is personal goes when its time is over, and every proof still verifies."""
