// Ask for the service from another agency's system, and print what becomes of it.
//   java -cp 'jars/*' Publish.java .bmt/hrmis.json
// with kafka-clients and jackson-databind, and what they need, in jars.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Publish {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        JsonNode connection = JSON.readTree(new File(arguments[0]));
        String integrator = connection.get("integrator").asText();
        // Store the id first: the same source and id published again is the same submission.
        String submissionId = UUID.randomUUID().toString();
        submit(connection, integrator, submissionId);
        follow(connection, integrator, submissionId);
    }

    private static void submit(JsonNode connection, String integrator, String submissionId) throws Exception {
        String account = "siti.mampu@mygovuc.gov.my";
        String value = JSON.writeValueAsString(Map.of(
            "kind", "application",
            "agency", "MAMPU",
            "applicant", Map.of("account", account, "name", "Siti", "email", account),
            "justification", "Fail besar",
            "source_reference", "HR/" + submissionId.substring(0, 8)));
        var record = new ProducerRecord<>("bmt.inbound." + integrator + ".v1", submissionId, value);
        Map.of(
            "ce_specversion", "1.0",
            "ce_id", submissionId,
            "ce_source", "/" + integrator,
            "ce_type", "my.gov.bmt.RequestSubmitted.v1",
            "ce_time", Instant.now().toString(),
            "content-type", "application/json"
        ).forEach((name, text) -> record.headers().add(name, text.getBytes(StandardCharsets.UTF_8)));
        try (var producer = new KafkaProducer<>(options(connection), new StringSerializer(), new StringSerializer())) {
            producer.send(record).get(); // acks=all and idempotence are this client's defaults
        }
    }

    private static void follow(JsonNode connection, String integrator, String submissionId) throws Exception {
        Properties options = options(connection);
        // A group's name begins with the integrator's name and a dot: nobody else can join it.
        options.put("group.id", integrator + ".example-" + submissionId);
        options.put("auto.offset.reset", "earliest");
        Set<String> known = new HashSet<>(); // an answer that comes again has the same id
        try (var consumer = new KafkaConsumer<>(options, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("bmt.outbound." + integrator + ".v1"));
            while (true) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (!submissionId.equals(record.key()) || !known.add(header(record, "ce_id"))) continue;
                    String type = header(record, "ce_type");
                    System.out.println(type + " " + record.value());
                    boolean filed = "filed".equals(JSON.readTree(record.value()).path("status").asText());
                    if (filed || type.equals("my.gov.bmt.SubmissionRefused.v1")) return;
                }
            }
        }
    }

    private static String header(ConsumerRecord<?, ?> record, String name) {
        return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
    }

    private static Properties options(JsonNode connection) {
        Properties options = new Properties();
        options.put("bootstrap.servers", connection.get("bootstrap_servers").asText());
        options.put("security.protocol", connection.get("security_protocol").asText());
        options.put("sasl.mechanism", connection.get("sasl_mechanism").asText());
        options.put("sasl.jaas.config", String.format(
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
            connection.get("username").asText(), connection.get("password").asText()));
        if (connection.has("ca_file")) {
            options.put("ssl.truststore.type", "PEM");
            options.put("ssl.truststore.location", connection.get("ca_file").asText());
        }
        return options;
    }
}
