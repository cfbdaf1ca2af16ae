"""What the API shows and reads, one module per noun."""
