package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"

	"github.com/spf13/cobra"
)

// newKeyCommand makes the throwaway key that tokens of service accounts are signed with.
func newKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "key FILE",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, words []string) error {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return err
			}
			block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
			return os.WriteFile(words[0], pem.EncodeToMemory(block), 0o600)
		},
	}
}
