"""Tests that cut across apps; what concerns one app lies in `<app>/tests/`."""
