"""What runs in the children of the sandbox. Standard library only: nothing else can be seen from in there."""
