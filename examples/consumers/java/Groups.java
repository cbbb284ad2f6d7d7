// Keeps a file of every customer's group: one line a customer, "customer<TAB>group<TAB>version".
//
// All that it knows of Headrace stands in schemas/actions/group.schema.json and schemas/records/outcome.schema.json.
// Needs kafka-clients and jackson-databind on the class path:
//     java -cp "libs/*" Groups.java BOOTSTRAP_SERVERS TOPIC_PREFIX FILE

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Groups {
    static final ObjectMapper JSON = new ObjectMapper();

    record Held(String group, long[] version) {}

    public static void main(String[] args) throws Exception {
        String prefix = args[1];
        Path file = Path.of(args[2]);
        Map<String, Held> held = new TreeMap<>();
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(reading(args[0], prefix));
        KafkaProducer<String, String> producer = new KafkaProducer<>(writing(args[0]));
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join(5_000);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }));
        // The file is made anew at every start: the topic is compacted, it holds the newest value of everybody.
        consumer.subscribe(List.of(prefix + "actions.group"), fromTheBeginning(consumer));
        try (consumer; producer) {
            while (true) {
                List<ProducerRecord<String, String>> outcomes = new ArrayList<>();
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.value() == null) {
                        continue;
                    }
                    JsonNode wanted = JSON.readTree(record.value()); // fields it does not know are left alone
                    String result = take(held, wanted);
                    outcomes.add(new ProducerRecord<>(prefix + "outcomes", record.partition(), record.key(), outcome(wanted, result)));
                }
                if (!outcomes.isEmpty()) {
                    write(file, held); // what was done comes first, then the word of it
                    outcomes.forEach(producer::send);
                    producer.flush();
                }
            }
        } catch (WakeupException asked) {
            System.err.println("asked to stop");
        }
    }

    /** Older versions come late, or twice: they change nothing. */
    static String take(Map<String, Held> held, JsonNode wanted) {
        String customer = wanted.get("customer").asText();
        long[] version = new long[3];
        for (int at = 0; at < 3; at++) {
            version[at] = wanted.get("version").get(at).asLong();
        }
        Held before = held.get(customer);
        if (before != null && java.util.Arrays.compare(version, before.version()) <= 0) {
            return "stale";
        }
        if (wanted.get("value").isNull()) {
            return "skipped"; // not ours to say: what is there stays
        }
        held.put(customer, new Held(wanted.get("value").asText(), version));
        return "applied";
    }

    static String outcome(JsonNode wanted, String result) {
        return JSON.createObjectNode()
            .put("customer", wanted.get("customer").asText())
            .put("kind", "group")
            .put("platform", "groups-file")
            .put("result", result)
            .set("version", wanted.get("version"))
            .toString();
    }

    static void write(Path file, Map<String, Held> held) throws IOException {
        List<String> lines = new ArrayList<>();
        held.forEach((customer, one) -> {
            long[] v = one.version();
            lines.add(customer + "\t" + one.group() + "\t" + v[0] + "/" + v[1] + "/" + v[2]);
        });
        Path beside = file.resolveSibling(file.getFileName() + ".new");
        Files.write(beside, lines);
        Files.move(beside, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    static ConsumerRebalanceListener fromTheBeginning(KafkaConsumer<String, String> consumer) {
        return new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                consumer.seekToBeginning(partitions);
            }
        };
    }

    static Properties reading(String servers, String prefix) {
        Properties given = new Properties();
        given.put("bootstrap.servers", servers);
        given.put("group.id", prefix + "groups-file");
        given.put("isolation.level", "read_committed"); // what was taken back was never wanted
        given.put("enable.auto.commit", "false");
        given.put("auto.offset.reset", "earliest");
        given.put("key.deserializer", StringDeserializer.class.getName());
        given.put("value.deserializer", StringDeserializer.class.getName());
        return given;
    }

    static Properties writing(String servers) {
        Properties given = new Properties();
        given.put("bootstrap.servers", servers);
        given.put("acks", "all");
        given.put("key.serializer", StringSerializer.class.getName());
        given.put("value.serializer", StringSerializer.class.getName());
        return given;
    }
}
