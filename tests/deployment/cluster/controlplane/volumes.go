package main

import (
	"context"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// provisioner is the one that minikube's and kind's class of volumes names; here it is played by the node.
const provisioner = "k8s.io/minikube-hostpath"

// place returns the folder of a volume.
type place func(name string) (string, error)

// nowhere is the place of volumes on a node that runs nothing.
func nowhere(name string) (string, error) { return "/nowhere/" + name, nil }

// provision makes a volume for each claim that waits for one of its class.
func provision(ctx context.Context, client kubernetes.Interface, at place) error {
	claims, err := client.CoreV1().PersistentVolumeClaims("").List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	for index := range claims.Items {
		claim := &claims.Items[index]
		if claim.Status.Phase != core.ClaimPending || claim.Annotations["volume.kubernetes.io/storage-provisioner"] != provisioner {
			continue
		}
		folder, err := at("pvc-" + string(claim.UID))
		if err != nil {
			return err
		}
		if _, err := client.CoreV1().PersistentVolumes().Create(ctx, volumeFor(claim, folder), meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

func volumeFor(claim *core.PersistentVolumeClaim, folder string) *core.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	volume := &core.PersistentVolume{ObjectMeta: meta.ObjectMeta{Name: name}}
	volume.Spec = core.PersistentVolumeSpec{
		StorageClassName: *claim.Spec.StorageClassName,
		AccessModes:      claim.Spec.AccessModes,
		Capacity:         core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
		ClaimRef:         &core.ObjectReference{Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
	}
	volume.Spec.HostPath = &core.HostPathVolumeSource{Path: folder}
	return volume
}
