"""What standards on grain size from EBSD ask a report to state."""
