// Ask for the service from another agency's system, and print what becomes of it.
//
//	go run . .bmt/hrmis.json
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

type connection struct {
	Integrator string `json:"integrator"`
	Servers    string `json:"bootstrap_servers"`
	Protocol   string `json:"security_protocol"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	CAFile     string `json:"ca_file"`
}

type applicant struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Email   string `json:"email"`
}

type submission struct {
	Kind            string    `json:"kind"`
	Agency          string    `json:"agency"`
	Applicant       applicant `json:"applicant"`
	Justification   string    `json:"justification"`
	SourceReference string    `json:"source_reference"`
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var to connection
	check(json.Unmarshal(text, &to))
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(to.Servers, ",")...),
		kgo.SASL(scram.Auth{User: to.Username, Pass: to.Password}.AsSha512Mechanism()),
		kgo.ConsumeTopics("bmt.outbound." + to.Integrator + ".v1"), // from its beginning, without a group
	}
	if to.Protocol == "SASL_SSL" {
		options = append(options, kgo.DialTLSConfig(trusting(to.CAFile)))
	}
	client, err := kgo.NewClient(options...)
	check(err)
	defer client.Close()

	// Store the id first: the same source and id published again is the same submission.
	id := strings.ToLower(rand.Text())
	check(submit(client, to.Integrator, id))
	follow(client, id)
}

// trusting is the authority in the file alone, or the machine's own where there is none.
func trusting(file string) *tls.Config {
	if file == "" {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	pem, err := os.ReadFile(file)
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

func submit(client *kgo.Client, integrator, id string) error {
	account := "siti.mampu@mygovuc.gov.my"
	value, err := json.Marshal(submission{
		Kind:            "application",
		Agency:          "MAMPU",
		Applicant:       applicant{Account: account, Name: "Siti", Email: account},
		Justification:   "Fail besar",
		SourceReference: "HR/" + id[:8],
	})
	check(err)
	record := &kgo.Record{
		Topic: "bmt.inbound." + integrator + ".v1",
		Key:   []byte(id),
		Value: value,
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(id)},
			{Key: "ce_source", Value: []byte("/" + integrator)},
			{Key: "ce_type", Value: []byte("my.gov.bmt.RequestSubmitted.v1")},
			{Key: "ce_time", Value: []byte(time.Now().UTC().Format(time.RFC3339))},
			{Key: "content-type", Value: []byte("application/json")},
		},
	}
	// Acknowledgement by all replicas and idempotence are this client's defaults.
	return client.ProduceSync(context.Background(), record).FirstErr()
}

func follow(client *kgo.Client, id string) {
	known := map[string]bool{} // an answer that comes again has the same id
	for {
		fetches := client.PollFetches(context.Background())
		fetches.EachError(func(_ string, _ int32, err error) { check(err) })
		for _, record := range fetches.Records() {
			answer := header(record, "ce_id")
			if string(record.Key) != id || known[answer] {
				continue
			}
			known[answer] = true
			kind := header(record, "ce_type")
			fmt.Println(kind, string(record.Value))
			var progress struct {
				Status string `json:"status"`
			}
			check(json.Unmarshal(record.Value, &progress))
			if progress.Status == "filed" || kind == "my.gov.bmt.SubmissionRefused.v1" {
				return
			}
		}
	}
}

func header(record *kgo.Record, name string) string {
	for _, header := range record.Headers {
		if header.Key == name {
			return string(header.Value)
		}
	}
	return ""
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
