"""The doors of the control server: each dialect turns bytes into values and answers into bytes."""
