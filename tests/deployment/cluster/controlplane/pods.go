package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/exec"
	"slices"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// step tells the next thing of a pod.
func (n *node) step(ctx context.Context, pod *core.Pod) error {
	if pod.DeletionTimestamp != nil {
		now := int64(0)
		err := n.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: &now})
		return ignoreAbsent(err)
	}
	if pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed || isReady(pod) {
		return nil
	}
	waiting, err := n.waitsFor(ctx, pod)
	if err != nil {
		return err
	}
	before := pod.Status.DeepCopy()
	if waiting != nil {
		n.tellWaiting(pod, *waiting)
	} else {
		n.tellRun(pod)
	}
	if sameStatus(before, &pod.Status) {
		return nil
	}
	_, err = n.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, pod, meta.UpdateOptions{})
	if apierrors.IsConflict(err) {
		return nil // the next pass sees the newer one
	}
	return ignoreAbsent(err)
}

func ignoreAbsent(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func sameStatus(before, after *core.PodStatus) bool {
	return before.Phase == after.Phase && len(before.ContainerStatuses) == len(after.ContainerStatuses) &&
		slices.EqualFunc(before.ContainerStatuses, after.ContainerStatuses, func(a, b core.ContainerStatus) bool {
			return a.State.Waiting != nil && b.State.Waiting != nil && *a.State.Waiting == *b.State.Waiting
		})
}

func isReady(pod *core.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		return c.Type == core.PodReady && c.Status == core.ConditionTrue
	})
}

func allContainers(pod *core.Pod) []core.Container {
	return append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...)
}

// waitsFor says why a pod cannot begin, as a kubelet would: an image, a ConfigMap, a Secret or a key that is missing.
func (n *node) waitsFor(ctx context.Context, pod *core.Pod) (*core.ContainerStateWaiting, error) {
	for _, container := range allContainers(pod) {
		if n.ask("pull", pod, container, container.Image) != 0 {
			text := fmt.Sprintf("Back-off pulling image %q", container.Image)
			return &core.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: text}, nil
		}
	}
	missing, err := n.missingReference(ctx, pod)
	if missing == "" || err != nil {
		return nil, err
	}
	return &core.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: missing}, nil
}

func (n *node) tellWaiting(pod *core.Pod, waiting core.ContainerStateWaiting) {
	pod.Status.Phase = core.PodPending
	tellConditions(pod, core.ConditionFalse, "ContainersNotReady")
	pod.Status.ContainerStatuses = nil
	for _, container := range pod.Spec.Containers {
		state := core.ContainerState{Waiting: &waiting}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, statusOf(container, state, false))
	}
}

// tellRun says that the containers run and are ready, or, of a pod that ends, how it ended.
func (n *node) tellRun(pod *core.Pod) {
	now := meta.Now()
	pod.Status.StartTime = &now
	pod.Status.HostIP = "127.0.0.1"
	pod.Status.PodIP = n.address()
	pod.Status.PodIPs = []core.PodIP{{IP: pod.Status.PodIP}}
	ends := pod.Spec.RestartPolicy != core.RestartPolicyAlways
	pod.Status.InitContainerStatuses = nil
	for _, container := range pod.Spec.InitContainers {
		state := core.ContainerState{Terminated: &core.ContainerStateTerminated{Reason: "Completed", FinishedAt: now}}
		if container.RestartPolicy != nil {
			state = core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}}
		}
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, statusOf(container, state, true))
	}
	pod.Status.ContainerStatuses = nil
	pod.Status.Phase = core.PodRunning
	if ends {
		pod.Status.Phase = core.PodSucceeded
	}
	for _, container := range pod.Spec.Containers {
		state := core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}}
		if ends {
			state = core.ContainerState{Terminated: n.outcome(pod, container)}
			if state.Terminated.ExitCode != 0 {
				pod.Status.Phase = core.PodFailed
			}
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, statusOf(container, state, !ends))
	}
	ready, reason := core.ConditionTrue, ""
	if ends {
		ready, reason = core.ConditionFalse, "PodCompleted"
	}
	tellConditions(pod, ready, reason)
}

// outcome asks the test's program how a container ends.
func (n *node) outcome(pod *core.Pod, container core.Container) *core.ContainerStateTerminated {
	now := meta.Now()
	ended := &core.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}
	ended.ExitCode = n.ask("run", pod, container, append(slices.Clone(container.Command), container.Args...)...)
	if ended.ExitCode != 0 {
		ended.Reason = "Error"
	}
	return ended
}

// ask is the exit code of the test's program.
func (n *node) ask(what string, pod *core.Pod, container core.Container, words ...string) int32 {
	command := exec.Command(n.program, append([]string{what, pod.Namespace, pod.Name, container.Name}, words...)...)
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int32(exit.ExitCode())
	default:
		log.Printf("%s: %v", n.program, err)
		return 1
	}
}

func statusOf(container core.Container, state core.ContainerState, ready bool) core.ContainerStatus {
	started := state.Running != nil
	return core.ContainerStatus{
		Name: container.Name, Image: container.Image, ImageID: container.Image,
		ContainerID: "stand-in://" + container.Name, State: state, Ready: ready, Started: &started,
	}
}

func tellConditions(pod *core.Pod, ready core.ConditionStatus, reason string) {
	now := meta.Now()
	told := map[core.PodConditionType]core.ConditionStatus{
		core.PodInitialized: core.ConditionTrue, core.ContainersReady: ready, core.PodReady: ready,
	}
	kept := slices.DeleteFunc(pod.Status.Conditions, func(c core.PodCondition) bool {
		_, ours := told[c.Type]
		return ours
	})
	for _, kind := range []core.PodConditionType{core.PodInitialized, core.ContainersReady, core.PodReady} {
		kept = append(kept, core.PodCondition{Type: kind, Status: told[kind], Reason: reason, LastTransitionTime: now})
	}
	pod.Status.Conditions = kept
}
