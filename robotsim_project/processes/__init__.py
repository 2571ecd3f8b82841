"""The long-running processes beside the servers: controller and worker."""
