"""From a circuit to a program or to text; one folder a target."""
