"""What is promoted: code, artifacts, their digest, and the evidence that they passed."""
