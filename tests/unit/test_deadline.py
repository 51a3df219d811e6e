"""What is left of a budget, by a clock that is moved by hand."""

from mousetrackd.system.deadline import Deadline


def test_steps_share_one_budget_and_leave_a_reserve_for_those_that_follow() -> None:
    now_s = [100.0]
    budget = Deadline(20.0, monotonic_s=lambda: now_s[0])
    assert (budget.left_s(), budget.left_s(reserve_s=5.0)) == (20.0, 15.0)
    now_s[0] += 15.0
    assert budget.is_over(reserve_s=5.0)
    assert not budget.is_over()
    now_s[0] += 100.0
    assert budget.is_over()
    assert budget.left_s() == 0.0
