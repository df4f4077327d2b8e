#pragma once
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// Debian's headers are older than the library used by tests: declare what they lack.
typedef struct rd_kafka_mock_request_s rd_kafka_mock_request_t;
void rd_kafka_mock_group_initial_rebalance_delay_ms(
    rd_kafka_mock_cluster_t *cluster, int32_t milliseconds);
void rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(
    rd_kafka_mock_cluster_t *cluster, int milliseconds);
void rd_kafka_mock_start_request_tracking(rd_kafka_mock_cluster_t *cluster);
rd_kafka_mock_request_t **rd_kafka_mock_get_requests(
    rd_kafka_mock_cluster_t *cluster, size_t *count);
void rd_kafka_mock_request_destroy_array(rd_kafka_mock_request_t **requests, size_t count);
int16_t rd_kafka_mock_request_api_key(rd_kafka_mock_request_t *request);

// Swift cannot call variadic functions. Delays the broker's answer to the next request of this kind.
static inline void triage_mock_delay_request(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t key, int32_t milliseconds) {
    rd_kafka_mock_broker_push_request_error_rtts(
        cluster, broker, key, 1, RD_KAFKA_RESP_ERR_NO_ERROR, (int)milliseconds);
}

// The API keys of the requests received since tracking began, oldest first, at most `capacity`.
static inline size_t triage_mock_requests(rd_kafka_mock_cluster_t *cluster, int16_t *keys, size_t capacity) {
    size_t count = 0;
    rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(cluster, &count);
    for (size_t i = 0; i < count && i < capacity; i++)
        keys[i] = rd_kafka_mock_request_api_key(requests[i]);
    rd_kafka_mock_request_destroy_array(requests, count);
    return count < capacity ? count : capacity;
}
