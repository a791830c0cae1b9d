"""One command a file: `add` declares its options and names the function that runs it."""
