"""Manifests, images, scripts and the install guide; `cluster/` needs a Kubernetes control plane."""
