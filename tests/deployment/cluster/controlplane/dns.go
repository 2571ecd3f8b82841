package main

import (
	"context"
	"log"
	"net"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/net/dns/dnsmessage"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"
)

const (
	zone    = ".svc.cluster.local."
	ttl     = 5
	maxSize = 512
)

// names answers as a cluster's name server does for services, by IPv4 and UDP; it knows no name outside the cluster.
type names struct {
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
}

func newDNSCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "dns ADDRESS",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			config, err := rest.InClusterConfig()
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			factory := informers.NewSharedInformerFactory(client, 0)
			n := names{factory.Core().V1().Services().Lister(), factory.Discovery().V1().EndpointSlices().Lister()}
			ctx := context.Background()
			factory.Start(ctx.Done())
			factory.WaitForCacheSync(ctx.Done())
			return n.serve(args[0])
		},
	}
}

func (n names) serve(address string) error {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	packet := make([]byte, maxSize)
	for {
		size, sender, err := socket.ReadFrom(packet)
		if err != nil {
			return err
		}
		answer, err := n.answer(packet[:size])
		if err != nil {
			log.Printf("a question of %s is not answered: %v", sender, err)
			continue
		}
		if _, err := socket.WriteTo(answer, sender); err != nil {
			log.Printf("%s gets no answer: %v", sender, err)
		}
	}
}

func (n names) answer(packet []byte) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(packet); err != nil {
		return nil, err
	}
	message.Response, message.Authoritative, message.RecursionAvailable = true, true, true
	message.Additionals = nil
	for _, question := range message.Questions {
		addresses, found := n.find(question.Name.String())
		if !found {
			message.RCode = dnsmessage.RCodeNameError
		}
		if question.Type != dnsmessage.TypeA {
			continue
		}
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: ttl}
		for _, address := range addresses {
			body := &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())}
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: body})
		}
	}
	return message.Pack()
}

// find returns the addresses of SERVICE.NAMESPACE or POD.SERVICE.NAMESPACE in the zone, and whether there is such a name.
func (n names) find(name string) ([]string, bool) {
	parts := strings.Split(strings.TrimSuffix(strings.ToLower(name), zone), ".")
	if !strings.HasSuffix(strings.ToLower(name), zone) || len(parts) < 2 || len(parts) > 3 {
		return nil, false
	}
	pod := strings.Join(parts[:len(parts)-2], ".")
	service, err := n.services.Services(parts[len(parts)-1]).Get(parts[len(parts)-2])
	if err != nil {
		return nil, false
	}
	if pod == "" && service.Spec.ClusterIP != core.ClusterIPNone {
		return []string{service.Spec.ClusterIP}, true
	}
	addresses := n.behind(service, pod)
	return addresses, len(addresses) > 0
}

// behind returns the addresses of a service's ready pods, or of the one with that name.
func (n names) behind(service *core.Service, pod string) []string {
	chosen := labels.SelectorFromSet(labels.Set{discovery.LabelServiceName: service.Name})
	slices, err := n.slices.EndpointSlices(service.Namespace).List(chosen)
	if err != nil {
		return nil
	}
	var found []string
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
			named := pod == "" || (endpoint.Hostname != nil && *endpoint.Hostname == pod)
			if ready && named {
				found = append(found, endpoint.Addresses...)
			}
		}
	}
	return found
}
