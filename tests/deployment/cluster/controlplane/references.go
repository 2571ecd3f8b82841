package main

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// reference is a ConfigMap or a Secret that a pod cannot begin without, and a key of it, or none.
type reference struct{ kind, name, key string }

// missingReference is a sentence of the first of them that is not there, or nothing.
func (n *node) missingReference(ctx context.Context, pod *core.Pod) (string, error) {
	for _, wanted := range references(pod) {
		keys, err := n.keysOf(ctx, pod.Namespace, wanted)
		if apierrors.IsNotFound(err) {
			return fmt.Sprintf("%s %q not found", wanted.kind, wanted.name), nil
		}
		if err != nil {
			return "", err
		}
		if wanted.key != "" && !keys[wanted.key] {
			return fmt.Sprintf("couldn't find key %s in %s %s/%s", wanted.key, wanted.kind, pod.Namespace, wanted.name), nil
		}
	}
	return "", nil
}

func (n *node) keysOf(ctx context.Context, namespace string, wanted reference) (map[string]bool, error) {
	keys := map[string]bool{}
	if wanted.kind == "secret" {
		secret, err := n.client.CoreV1().Secrets(namespace).Get(ctx, wanted.name, meta.GetOptions{})
		if err != nil {
			return nil, err
		}
		for key := range secret.Data {
			keys[key] = true
		}
		return keys, nil
	}
	config, err := n.client.CoreV1().ConfigMaps(namespace).Get(ctx, wanted.name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	for key := range config.Data {
		keys[key] = true
	}
	for key := range config.BinaryData {
		keys[key] = true
	}
	return keys, nil
}

func references(pod *core.Pod) []reference {
	var found []reference
	for _, container := range allContainers(pod) {
		found = append(found, ofEnvironment(container)...)
	}
	for _, volume := range pod.Spec.Volumes {
		found = append(found, ofVolume(volume)...)
	}
	return found
}

func ofEnvironment(container core.Container) []reference {
	var found []reference
	for _, from := range container.EnvFrom {
		if ref := from.ConfigMapRef; ref != nil && !isTrue(ref.Optional) {
			found = append(found, reference{"configmap", ref.Name, ""})
		}
		if ref := from.SecretRef; ref != nil && !isTrue(ref.Optional) {
			found = append(found, reference{"secret", ref.Name, ""})
		}
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			continue
		}
		if ref := variable.ValueFrom.ConfigMapKeyRef; ref != nil && !isTrue(ref.Optional) {
			found = append(found, reference{"configmap", ref.Name, ref.Key})
		}
		if ref := variable.ValueFrom.SecretKeyRef; ref != nil && !isTrue(ref.Optional) {
			found = append(found, reference{"secret", ref.Name, ref.Key})
		}
	}
	return found
}

func ofVolume(volume core.Volume) []reference {
	var found []reference
	if source := volume.ConfigMap; source != nil && !isTrue(source.Optional) {
		found = append(found, ofItems("configmap", source.Name, source.Items)...)
	}
	if source := volume.Secret; source != nil && !isTrue(source.Optional) {
		found = append(found, ofItems("secret", source.SecretName, source.Items)...)
	}
	return found
}

func ofItems(kind, name string, items []core.KeyToPath) []reference {
	found := []reference{{kind, name, ""}}
	for _, item := range items {
		found = append(found, reference{kind, name, item.Key})
	}
	return found
}

func isTrue(value *bool) bool { return value != nil && *value }
