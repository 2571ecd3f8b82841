"""A program that attacks on every run of the tests.

What one app can prove by itself stands in its own tests; here is what crosses them: each kind of credential
at each door, and hostile text in each field of each page. `tests/api/test_access.py` walks the API by role,
`tests/system/test_body_limit.py` sends bodies without end.
"""
