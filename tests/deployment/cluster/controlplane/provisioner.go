package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// newProvisionerCommand makes volumes in folders of the node on which it runs, as minikube's provisioner does.
func newProvisionerCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "provisioner KUBECONFIG FOLDER",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", args[0])
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			inFolder := func(name string) (string, error) { return openFolder(filepath.Join(args[1], name)) }
			for ; ; time.Sleep(passEvery) {
				ctx, cancel := context.WithTimeout(context.Background(), listLimit)
				if err := provision(ctx, client, inFolder); err != nil {
					log.Printf("volumes: %v", err)
				}
				cancel()
			}
		},
	}
}

// openFolder makes a folder that any user may write to, as pods of such volumes expect.
func openFolder(path string) (string, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", err
	}
	return path, os.Chmod(path, 0o777)
}
