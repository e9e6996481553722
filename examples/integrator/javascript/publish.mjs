// Ask for the service from another agency's system, and print what becomes of it.
//   npm ci --ignore-scripts && node publish.mjs .bmt/hrmis.json
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Kafka, logLevel } from "kafkajs";

const connection = JSON.parse(await readFile(process.argv[2], "utf8"));
const { integrator, username, password, ca_file } = connection;
const kafka = new Kafka({
  clientId: integrator,
  brokers: connection.bootstrap_servers.split(","),
  ssl: connection.security_protocol === "SASL_SSL" && { ca: ca_file && [await readFile(ca_file)] },
  sasl: { mechanism: "scram-sha-512", username, password },
  logLevel: logLevel.ERROR,
});

// Store the id first: the same source and id published again is the same submission.
const submissionId = randomUUID();
const account = "siti.mampu@mygovuc.gov.my";
const submission = {
  kind: "application",
  agency: "MAMPU",
  applicant: { account, name: "Siti", email: account },
  justification: "Fail besar",
  source_reference: `HR/${submissionId.slice(0, 8)}`,
};

const producer = kafka.producer({ idempotent: true });
await producer.connect();
await producer.send({
  topic: `bmt.inbound.${integrator}.v1`,
  acks: -1,
  messages: [
    {
      key: submissionId,
      value: JSON.stringify(submission),
      headers: {
        ce_specversion: "1.0",
        ce_id: submissionId,
        ce_source: `/${integrator}`,
        ce_type: "my.gov.bmt.RequestSubmitted.v1",
        ce_time: new Date().toISOString(),
        "content-type": "application/json",
      },
    },
  ],
});
await producer.disconnect();

// A group's name begins with the integrator's name and a dot: nobody else can join it.
const consumer = kafka.consumer({ groupId: `${integrator}.example-${submissionId}` });
await consumer.connect();
await consumer.subscribe({ topics: [`bmt.outbound.${integrator}.v1`], fromBeginning: true });
const known = new Set(); // an answer that comes again has the same id
const ended = new Promise((resolve) => {
  consumer.run({
    eachMessage: async ({ message }) => {
      const [id, type] = ["ce_id", "ce_type"].map((name) => message.headers[name].toString());
      if (message.key.toString() !== submissionId || known.has(id)) return;
      known.add(id);
      console.log(type, message.value.toString());
      const { status } = JSON.parse(message.value.toString());
      if (status === "filed" || type === "my.gov.bmt.SubmissionRefused.v1") resolve();
    },
  });
});
await ended;
await consumer.disconnect();
