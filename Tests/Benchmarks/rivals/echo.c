// The limit for any worker: consumes a batch of records and produces the same bytes, nothing else.
//
//     echo BOOTSTRAP GROUP INPUT-TOPIC OUTPUT-TOPIC
//
// Runs until SIGTERM. It promises less than a worker does: offsets are committed by librdkafka's own timer.

#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 1000 };

static volatile sig_atomic_t stopping;
static void stop(int signal_number) { (void)signal_number; stopping = 1; }

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[512];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "echo: %s\n", reason);
        exit(64);
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char reason[512];
    rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (handle == NULL) {
        fprintf(stderr, "echo: %s\n", reason);
        exit(70);
    }
    return handle;
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (message->err) {
        fprintf(stderr, "echo: not delivered: %s\n", rd_kafka_err2str(message->err));
        exit(70);
    }
}

// Waits while the producer's queue is full.
static void produce(rd_kafka_t *producer, rd_kafka_topic_t *topic, const rd_kafka_message_t *message) {
    while (rd_kafka_produce(topic, message->partition, RD_KAFKA_MSG_F_COPY, message->payload, message->len,
                            message->key, message->key_len, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fprintf(stderr, "echo: %s\n", rd_kafka_err2str(rd_kafka_last_error()));
            exit(70);
        }
        rd_kafka_poll(producer, 10);
    }
}

int main(int count, char **arguments) {
    if (count != 5) {
        fprintf(stderr, "usage: echo BOOTSTRAP GROUP INPUT-TOPIC OUTPUT-TOPIC\n");
        return 64;
    }
    signal(SIGTERM, stop);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", arguments[1]);
    set(conf, "group.id", arguments[2]);
    set(conf, "session.timeout.ms", "6000");
    set(conf, "auto.offset.reset", "earliest");
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer);

    conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", arguments[1]);
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.messages", "500000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *output = rd_kafka_topic_new(producer, arguments[4], NULL);

    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, arguments[3], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);

    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    rd_kafka_message_t *messages[BATCH];
    while (!stopping) {
        ssize_t received = rd_kafka_consume_batch_queue(queue, 50, messages, BATCH);
        for (ssize_t i = 0; i < received; i++) {
            if (!messages[i]->err) produce(producer, output, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
        rd_kafka_poll(producer, 0);
    }
    rd_kafka_flush(producer, 10000);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_topic_destroy(output);
    rd_kafka_destroy(producer);
    rd_kafka_destroy(consumer);
    return 0;
}
