"""Reads without model instances and past needless layers; decision 0033 says what they skip."""
