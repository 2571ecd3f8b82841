package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	passEvery  = 300 * time.Millisecond
	renewEvery = 5 * time.Second
	listLimit  = 10 * time.Second
)

// node is a stand-in for a kubelet: it takes the pods that the scheduler gives to it and tells of them what a
// kubelet would, without running anything. What a container would do is decided by a program of the test.
type node struct {
	name    string
	port    int
	program string
	client  kubernetes.Interface
	nextIP  int
}

func newNodeCommand() *cobra.Command {
	n := &node{}
	var kubeconfig string
	command := &cobra.Command{
		Use:  "node",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			config.QPS, config.Burst = 200, 400
			if n.client, err = kubernetes.NewForConfig(config); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
			defer stop()
			return n.run(ctx)
		},
	}
	flags := command.Flags()
	flags.StringVar(&n.name, "name", "node", "name of the node")
	flags.IntVar(&n.port, "port", 0, "port of its HTTPS server, for logs and exec")
	flags.StringVar(&n.program, "program", "", "answers `pull|run|exec NAMESPACE POD CONTAINER WORD...`")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "how the API server is reached")
	return command
}

func (n *node) run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- n.serve() }()
	renewed := time.Time{}
	for {
		if time.Since(renewed) > renewEvery {
			if err := n.renew(ctx); err != nil {
				log.Printf("the node is not renewed: %v", err)
			} else {
				renewed = time.Now()
			}
		}
		n.pass(ctx)
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-time.After(passEvery):
		}
	}
}

// pass looks at everything that is there and takes the next step of each; it remembers nothing.
func (n *node) pass(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	mine := meta.ListOptions{FieldSelector: fields.OneTermEqualSelector("spec.nodeName", n.name).String()}
	pods, err := n.client.CoreV1().Pods("").List(ctx, mine)
	if err != nil {
		log.Printf("pods are not listed: %v", err)
		return
	}
	for index := range pods.Items {
		pod := &pods.Items[index]
		if err := n.step(ctx, pod); err != nil {
			log.Printf("%s/%s: %v", pod.Namespace, pod.Name, err)
		}
	}
	if err := provision(ctx, n.client, nowhere); err != nil {
		log.Printf("volumes: %v", err)
	}
}

// renew says that the node is well: the node's object, its status and its lease.
func (n *node) renew(ctx context.Context) error {
	nodes := n.client.CoreV1().Nodes()
	found, err := nodes.Get(ctx, n.name, meta.GetOptions{})
	if err != nil {
		labels := map[string]string{"kubernetes.io/hostname": n.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
		found, err = nodes.Create(ctx, &core.Node{ObjectMeta: meta.ObjectMeta{Name: n.name, Labels: labels}}, meta.CreateOptions{})
		if err != nil {
			return err
		}
	}
	found.Status = n.status()
	if _, err := nodes.UpdateStatus(ctx, found, meta.UpdateOptions{}); err != nil {
		return err
	}
	return n.renewLease(ctx)
}

func (n *node) renewLease(ctx context.Context) error {
	leases := n.client.CoordinationV1().Leases("kube-node-lease")
	now := meta.NewMicroTime(time.Now())
	lease, err := leases.Get(ctx, n.name, meta.GetOptions{})
	if err != nil {
		seconds := int32(40)
		lease = &coordination.Lease{ObjectMeta: meta.ObjectMeta{Name: n.name}}
		lease.Spec = coordination.LeaseSpec{HolderIdentity: &n.name, LeaseDurationSeconds: &seconds, RenewTime: &now}
		_, err = leases.Create(ctx, lease, meta.CreateOptions{})
		return err
	}
	lease.Spec.RenewTime = &now
	_, err = leases.Update(ctx, lease, meta.UpdateOptions{})
	return err
}

func (n *node) status() core.NodeStatus {
	room := core.ResourceList{
		core.ResourceCPU:              resource.MustParse("16"),
		core.ResourceMemory:           resource.MustParse("64Gi"),
		core.ResourceEphemeralStorage: resource.MustParse("200Gi"),
		core.ResourcePods:             resource.MustParse("110"),
	}
	now := meta.Now()
	return core.NodeStatus{
		Capacity:        room,
		Allocatable:     room,
		Addresses:       []core.NodeAddress{{Type: core.NodeInternalIP, Address: "127.0.0.1"}},
		DaemonEndpoints: core.NodeDaemonEndpoints{KubeletEndpoint: core.DaemonEndpoint{Port: int32(n.port)}},
		Conditions: []core.NodeCondition{{
			Type: core.NodeReady, Status: core.ConditionTrue, Reason: "StandIn",
			Message: "a stand-in for tests", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		NodeInfo: core.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: "stand-in"},
	}
}

// address is one that no other pod has; the port keeps those of two nodes apart.
func (n *node) address() string {
	n.nextIP++
	return fmt.Sprintf("10.%d.%d.%d", n.port%200+1, n.nextIP/250, n.nextIP%250+1)
}
