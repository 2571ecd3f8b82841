"""Examples of requests and responses, by operation; a test compares them with the schema."""

from typing import Any

TIME = "2026-03-02T09:30:00Z"
ODOM = {"name": "/odom", "type": "nav_msgs/msg/Odometry"}
STAGE = {"template": 3, "agent_count": 20, "repeat_count": 3, "execution_time": 120.0}
TEMPLATE: dict[str, Any] = {
    "id": 3,
    "name": "courier",
    "robot_type": "",
    "description": "",
    "rosbag": 7,
    "topics": [],
    "rate": 1.0,
    "max_gap_seconds": 60.0,
    "record_topics": [ODOM],
    "record_own": False,
    "unsupported_topics": "refuse",
    "version": 1,
    "created_by": "operator@example.com",
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": None,
}
SIMULATION: dict[str, Any] = {
    "id": 5,
    "name": "rush hour",
    "description": "",
    "pattern": "parallel",
    "mec": 2,
    "namespace_prefix": "/agent_",
    "concurrent_executions": False,
    "status": "READY",
    "stage_count": 1,
    "agent_count": 20,
    "latest_execution": None,
    "latest_status": None,
    "created_by": "operator@example.com",
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": None,
    "stages": [
        {
            **STAGE,
            "position": 1,
            "name": "",
            "delay_after": 0.0,
            "assigned_area": "",
            "retries": 0,
            "min_success": 100,
            "lost_messages_allowed": 0,
            "continue_on_failure": False,
            "no_messages_allowed": False,
        }
    ],
}
EXECUTION: dict[str, Any] = {
    "id": 11,
    "simulation": 5,
    "number": 1,
    "status": "PENDING",
    "data_status": "NOT_EXPECTED",
    "failure_code": "",
    "failure_text": "",
    "blame": "",
    "warnings": [],
    "again_of": None,
    "requested_by": "operator@example.com",
    "stopped_by": None,
    "created_at": TIME,
    "started_at": None,
    "stop_asked_at": None,
    "ended_at": None,
}
EXAMPLES: dict[str, dict[str, Any]] = {
    "auth_signin": {
        "request": {"email": "operator@example.com", "password": "correct horse battery staple"}
    },
    "rosbags_bulk_delete": {
        "200": {
            "results": [
                {"id": 12, "done": True, "code": "", "detail": ""},
                {
                    "id": 13,
                    "done": False,
                    "code": "ROSBAG_IN_USE",
                    "detail": "The template “courier” plays it: choose another rosbag there first.",
                },
            ]
        }
    },
    "templates_create": {
        "request": {"name": "courier", "rosbag": 7, "max_gap_seconds": 60, "record_topics": [ODOM]},
        "201": TEMPLATE,
    },
    "templates_change": {"request": {"rate": 2.0}},
    "mecs_create": {
        "request": {
            "slug": "hall-a",
            "name": "Hall A",
            "transport": "zenoh-raw",
            "endpoint": "tcp/192.0.2.7:7447",
        }
    },
    "simulations_create": {
        "request": {"name": "rush hour", "pattern": "parallel", "mec": 2, "stages": [STAGE]},
        "201": SIMULATION,
    },
    "simulations_clone": {"request": {"name": "rush hour, wet"}},
    "simulations_reorder": {"request": {"order": [2, 1]}},
    "simulations_start": {"202": EXECUTION},
    "quick_runs_create": {"request": {"rosbag": 7, "agents": 20, "rate": 1.0}, "202": EXECUTION},
    "executions_again": {"request": {"plan": "same"}, "202": EXECUTION},
    "executions_bulk_stop": {"request": {"ids": [11, 12]}},
}
