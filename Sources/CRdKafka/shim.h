#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/eventfd.h>

// Glibc's module leaves eventfd() out.
static inline int triage_eventfd(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

// Swift cannot call rd_kafka_producev(), whose arguments are variadic. One call per record, nothing allocated here.
// Key and headers are copied or taken over by librdkafka; the value is only borrowed unless `flags` says copy.
// On an error the headers stay the caller's.
static inline rd_kafka_resp_err_t triage_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, int flags,
    const void *key, size_t key_size, const void *value, size_t value_size,
    rd_kafka_headers_t *headers, void *token) {
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(flags),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE((void *)value, value_size),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(token), RD_KAFKA_V_END);
}

// Younger than the oldest library that is accepted, like those below; 0 where there is none.
__attribute__((weak)) int32_t rd_kafka_consumer_group_metadata_generation_id(
    const rd_kafka_consumer_group_metadata_t *metadata);

static inline int32_t triage_generation(const rd_kafka_consumer_group_metadata_t *metadata) {
    return rd_kafka_consumer_group_metadata_generation_id
               ? rd_kafka_consumer_group_metadata_generation_id(metadata)
               : 0;
}

// The mock cluster's younger functions are absent from older headers, and from the oldest library that is accepted:
// weak declarations, each called only where it exists.
typedef struct rd_kafka_mock_request_s rd_kafka_mock_request_t;
__attribute__((weak)) void rd_kafka_mock_group_initial_rebalance_delay_ms(
    rd_kafka_mock_cluster_t *cluster, int32_t milliseconds);
__attribute__((weak)) void rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(
    rd_kafka_mock_cluster_t *cluster, int milliseconds);
__attribute__((weak)) void rd_kafka_mock_start_request_tracking(rd_kafka_mock_cluster_t *cluster);
__attribute__((weak)) rd_kafka_mock_request_t **rd_kafka_mock_get_requests(
    rd_kafka_mock_cluster_t *cluster, size_t *count);
__attribute__((weak)) void rd_kafka_mock_request_destroy_array(rd_kafka_mock_request_t **requests, size_t count);
__attribute__((weak)) int16_t rd_kafka_mock_request_api_key(rd_kafka_mock_request_t *request);

// The broker's pause before it answers the first member of a group: 3 s unless shortened.
static inline void triage_mock_set_rebalance_delay(rd_kafka_mock_cluster_t *cluster, int32_t milliseconds) {
    if (rd_kafka_mock_group_initial_rebalance_delay_ms)
        rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, milliseconds);
}

// How often members of a group with the consumer protocol are to report: every 3 s unless shortened.
static inline void triage_mock_set_heartbeat_interval(rd_kafka_mock_cluster_t *cluster, int milliseconds) {
    if (rd_kafka_mock_set_group_consumer_heartbeat_interval_ms)
        rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, milliseconds);
}

// Variadic too: the answer to the broker's next request of a kind comes so much later.
static inline void triage_mock_delay_request(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t key, int32_t milliseconds) {
    rd_kafka_mock_broker_push_request_error_rtts(
        cluster, broker, key, 1, RD_KAFKA_RESP_ERR_NO_ERROR, (int)milliseconds);
}

static inline void triage_mock_track_requests(rd_kafka_mock_cluster_t *cluster) {
    if (rd_kafka_mock_start_request_tracking)
        rd_kafka_mock_start_request_tracking(cluster);
}

// The API keys of the requests received since tracking began, at most `capacity` of them, oldest first.
static inline size_t triage_mock_requests(rd_kafka_mock_cluster_t *cluster, int16_t *keys, size_t capacity) {
    size_t count = 0;
    if (!rd_kafka_mock_get_requests)
        return 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(cluster, &count);
    for (size_t i = 0; i < count && i < capacity; i++)
        keys[i] = rd_kafka_mock_request_api_key(requests[i]);
    rd_kafka_mock_request_destroy_array(requests, count);
    return count < capacity ? count : capacity;
}
