"""What must be set by hand in the portal: value by value to be copied, then stated as done with evidence."""
