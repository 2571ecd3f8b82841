"""How long something is tried again."""

from agent.backoff import MAX_STEP_SECONDS, Patience


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_ends_after_its_time_of_failures():
    clock = Clock()
    patience = Patience(60, clock)
    for _ in range(6):
        clock.now += 10
        assert not patience.is_over()
    clock.now += 10
    assert patience.is_over()
    patience.renew()
    clock.now += 10
    assert not patience.is_over()


def test_time_in_which_the_process_was_suspended_does_not_count():
    clock = Clock()
    patience = Patience(MAX_STEP_SECONDS + 10, clock)
    clock.now += 36_000
    assert not patience.is_over()
    clock.now += 20
    assert patience.is_over()
