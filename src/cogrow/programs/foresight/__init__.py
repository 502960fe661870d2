"""What a program would do, found before it is launched: its curve, and rules over it."""
