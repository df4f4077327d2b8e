// Fills a topic: sends COUNT records, the lines of a file in turn, one partition after the other.
//
//     publish BOOTSTRAP TOPIC PARTITIONS COUNT FILE
//
// Ends with 0 once the broker has acknowledged every record.

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static long acknowledged;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "publish: %s: %s\n", what, why);
    exit(70);
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque) {
    (void)producer, (void)opaque;
    if (message->err) fail("not delivered", rd_kafka_err2str(message->err));
    acknowledged++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[512];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) fail(name, reason);
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: publish BOOTSTRAP TOPIC PARTITIONS COUNT FILE\n");
        return 64;
    }
    int partitions = atoi(arguments[3]);
    long records = atol(arguments[4]);
    int file = open(arguments[5], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0) fail(arguments[5], "cannot be read");
    // The payloads stay here until the end, so that librdkafka need not copy them.
    char *lines = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (lines == MAP_FAILED) fail(arguments[5], "cannot be mapped");

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", arguments[1]);
    set(conf, "linger.ms", "20");
    set(conf, "batch.num.messages", "10000");
    set(conf, "queue.buffering.max.messages", "500000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    char reason[512];
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (producer == NULL) fail("librdkafka", reason);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, arguments[2], NULL);

    const char *end = lines + status.st_size, *line = lines;
    for (long i = 0; i < records; i++) {
        if (line == end) line = lines;
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((next != NULL ? next : end) - line);
        while (rd_kafka_produce(topic, (int32_t)(i % partitions), 0, (void *)line, length, NULL, 0, NULL) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                fail("not sent", rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_poll(producer, 10);
        }
        if (i % 1000 == 0) rd_kafka_poll(producer, 0);
        line = next != NULL ? next + 1 : end;
    }
    rd_kafka_flush(producer, 120000);
    if (acknowledged != records) fail("the broker", "did not acknowledge every record in two minutes");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    return 0;
}
