"""An agency's own words for its notices: read, tried out with sample values, saved, put back."""
