"""Reads without model instances and past needless layers; decision 0032 says what they skip."""
