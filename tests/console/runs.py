"""What the controller has made of executions; called in a process of Django."""

from simulations.models import AgentRun


def running_agents() -> int:
    """Count the agents that play now."""
    return AgentRun.objects.filter(status="RUNNING").count()
