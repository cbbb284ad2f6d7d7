import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The fold of the workload "long" in Kafka Streams: an aggregate over a RocksDB store with its changelog, in one thread.
 *
 * <p>Everything but the guarantee (BENCH_GUARANTEE) and the commit interval of at least once (1 s, as for the other
 * peers; 30 s is the default, exactly once has 100 ms) is as it comes, unless BENCH_COMMIT_MS or BENCH_LINGER_MS say
 * otherwise. With BENCH_OUTPUT the fold is a processor that forwards the time `t` of each event that has one at once:
 * the table of an aggregate would wait for the next commit. With BENCH_RESTORE only the restore is measured. The marks
 * are those of marks.py.
 */
public final class KafkaStreamsWorker {
  private static final int ORDERS_KEPT = 20;
  private static final ObjectMapper JSON =
      new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);

  /** What the fold reads of an event. */
  public static final class Order {
    public String order_id;
    public double amount;
    public long ts;
    public long t;
  }

  /** The state of a customer, as in workload.py. */
  public static final class State {
    public long n;
    public double sum;
    public long last;
    public List<Object[]> o = new ArrayList<>();

    State after(Order order) {
      n++;
      sum += order.amount;
      last = order.ts;
      o.add(new Object[] {order.order_id, order.amount});
      if (o.size() > ORDERS_KEPT) {
        o.remove(0);
      }
      return this;
    }
  }

  /** Says on stdout where the run stands; called by one thread at a time. */
  private static final class Marks {
    private final long events;
    private long seen;
    private boolean restoring;

    Marks(long events) {
      this.events = events;
    }

    void folded() {
      if (seen == 0) {
        say("first");
      }
      seen++;
      if (seen == events / 2) {
        say("half");
      }
      if (seen == events) {
        say("last");
      }
    }

    synchronized void restored(long records) {
      if (!restoring) {
        restoring = true;
        say("first");
      }
      seen += records;
    }

    synchronized boolean begun() {
      return seen > 0;
    }

    private void say(String mark) {
      var machine = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      double cpu = machine.getProcessCpuTime() / 1e9;
      System.out.printf(
          Locale.ROOT,
          "{\"mark\": \"%s\", \"events\": %d, \"at_s\": %.6f, \"cpu_s\": %.6f}%n",
          mark, seen, System.nanoTime() / 1e9, cpu);
      System.out.flush();
    }
  }

  /** Tells the marks when the first store begins to be restored, and what was restored. */
  private record Restoring(Marks marks) implements StateRestoreListener {
    @Override
    public void onRestoreStart(TopicPartition at, String store, long start, long end) {
      marks.restored(0);
    }

    @Override
    public void onBatchRestored(TopicPartition at, String store, long end, long records) {
      marks.restored(records);
    }

    @Override
    public void onRestoreEnd(TopicPartition at, String store, long records) {}
  }

  /** The same fold where its output must not wait for a commit. */
  private static final class Forwarding implements Processor<String, Order, String, String> {
    private final Marks marks;
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, State> store;

    Forwarding(Marks marks) {
      this.marks = marks;
    }

    @Override
    public void init(ProcessorContext<String, String> given) {
      context = given;
      store = given.getStateStore("counts");
    }

    @Override
    public void process(Record<String, Order> record) {
      State held = store.get(record.key());
      Order order = record.value();
      store.put(record.key(), (held == null ? new State() : held).after(order));
      if (order.t > 0) {
        context.forward(record.withValue(Long.toString(order.t)));
      }
      marks.folded();
    }
  }

  public static void main(String[] arguments) {
    Map<String, String> asked = System.getenv();
    Marks marks = new Marks(Long.parseLong(asked.get("BENCH_EVENTS")));
    boolean paced = !asked.getOrDefault("BENCH_OUTPUT", "").isEmpty();
    Topology topology = paced ? forwarding(asked, marks) : aggregating(asked, marks);
    KafkaStreams streams = new KafkaStreams(topology, properties(asked));
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    if (asked.containsKey("BENCH_RESTORE")) {
      streams.setGlobalStateRestoreListener(new Restoring(marks));
      streams.setStateListener(
          (now, before) -> {
            if (now == KafkaStreams.State.RUNNING && marks.begun()) {
              marks.say("last");
            }
          });
    }
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
    streams.start();
  }

  private static Topology aggregating(Map<String, String> asked, Marks marks) {
    StreamsBuilder builder = new StreamsBuilder();
    Serde<Order> orders = json(Order.class);
    builder.stream(asked.get("BENCH_TOPIC"), Consumed.with(Serdes.String(), orders))
        .groupByKey(Grouped.with(Serdes.String(), orders))
        .aggregate(
            State::new,
            (customer, order, state) -> {
              State after = state.after(order);
              marks.folded();
              return after;
            },
            Materialized.<String, State, KeyValueStore<Bytes, byte[]>>as("counts")
                .withKeySerde(Serdes.String())
                .withValueSerde(json(State.class)));
    return builder.build();
  }

  private static Topology forwarding(Map<String, String> asked, Marks marks) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore("counts"), Serdes.String(), json(State.class))
            .withCachingEnabled());
    builder.stream(asked.get("BENCH_TOPIC"), Consumed.with(Serdes.String(), json(Order.class)))
        .process(() -> new Forwarding(marks), "counts")
        .to(asked.get("BENCH_OUTPUT"), Produced.with(Serdes.String(), Serdes.String()));
    return builder.build();
  }

  private static Properties properties(Map<String, String> asked) {
    Properties properties = new Properties();
    properties.put("application.id", asked.get("BENCH_GROUP"));
    properties.put("bootstrap.servers", asked.get("BENCH_BOOTSTRAP"));
    properties.put("state.dir", asked.get("BENCH_STATE_DIR"));
    properties.put("processing.guarantee", asked.get("BENCH_GUARANTEE"));
    properties.put("num.stream.threads", "1");
    properties.put("auto.offset.reset", "earliest");
    if (asked.get("BENCH_GUARANTEE").equals("at_least_once")) {
      properties.put("commit.interval.ms", "1000");
    }
    if (asked.containsKey("BENCH_COMMIT_MS")) {
      properties.put("commit.interval.ms", asked.get("BENCH_COMMIT_MS"));
    }
    if (asked.containsKey("BENCH_LINGER_MS")) {
      properties.put("producer.linger.ms", asked.get("BENCH_LINGER_MS"));
    }
    return properties;
  }

  private static <T> Serde<T> json(Class<T> type) {
    return Serdes.serdeFrom(
        (topic, value) -> {
          try {
            return value == null ? null : JSON.writeValueAsBytes(value);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        },
        (topic, bytes) -> {
          try {
            return bytes == null ? null : JSON.readValue(bytes, type);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        });
  }
}
