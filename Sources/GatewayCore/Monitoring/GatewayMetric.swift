/// Every metric of the data plane. Exposition and `docs/reference/metrics.md` read this list.
package enum GatewayMetric: String, CaseIterable, Sendable {
    // the names of the original architecture
    case requests = "gateway_requests_total"
    case requestsSucceeded = "gateway_requests_success_total"
    case requestsFailed = "gateway_requests_failed_total"
    case requestDuration = "gateway_request_duration_seconds"
    case upstreamRequests = "gateway_upstream_requests_total"
    case upstreamDuration = "gateway_upstream_duration_seconds"
    case upTime = "gateway_up_time_seconds"
    // beside them
    case overhead = "gateway_overhead_seconds"
    case timeToFirstToken = "gateway_time_to_first_token_seconds"
    case tokens = "gateway_tokens_total"
    case shadowRefusals = "gateway_policy_shadow_refusals_total"
    case retries = "gateway_retries_total"
    case streamsOpen = "gateway_streams_open"
    case sessionsOpen = "gateway_realtime_sessions_open"
    case connectionsOpen = "gateway_client_connections_open"
    case connectionsLimit = "gateway_client_connections_limit"
    case requestsLimit = "gateway_requests_limit"
    case bodyBytesHeld = "gateway_body_bytes_held"
    case bodyBytesLimit = "gateway_body_bytes_limit"
    case upstreamConnectionsOpen = "gateway_upstream_connections_open"
    case upstreamInFlight = "gateway_upstream_requests_in_flight"
    case configVersion = "gateway_config_version"
    case configAge = "gateway_config_contact_age_seconds"
    case journalLost = "gateway_journal_records_lost_total"
    case journalDropped = "gateway_journal_segments_dropped_total"
    case journalFailures = "gateway_journal_segment_failures_total"
    case usageShipped = "gateway_usage_records_shipped_total"
    case usageShipFailures = "gateway_usage_shipping_failures_total"
    case usageShipAge = "gateway_usage_shipping_age_seconds"
    case logDropped = "gateway_log_lines_dropped_total"
    case failuresUnlogged = "gateway_attempt_failures_unlogged_total"
    case connectionsRefused = "gateway_client_connections_refused_total"
    case overLimit = "gateway_overload_refusals_total"
    case malformed = "gateway_malformed_requests_total"
    case tlsFailures = "gateway_tls_handshake_failures_total"
    case certificateExpiry = "gateway_tls_certificate_expiry_timestamp_seconds"
    case streamErrors = "gateway_http2_stream_errors_total"
    case connectionErrors = "gateway_http2_connection_errors_total"
    case seriesOverflow = "gateway_metric_series_overflow_total"
    case spoolRefusals = "gateway_spool_refusals_total"
    case objectsDropped = "gateway_object_map_dropped_total"
    case keysForgotten = "gateway_key_memory_resets_total"

    /// One line for people, and the names of the labels.
    package var entry: (help: String, labels: [String]) {
        let who = ["namespace", "model", "upstream"]
        return switch self {
        case .requests: ("Finished exchanges: successes and failures together.", who)
        case .requestsSucceeded: ("Exchanges that ended complete.", who)
        case .requestsFailed: ("Exchanges that ended otherwise, by error code.", who + ["code"])
        case .requestDuration: ("From the whole request received to the last byte of the answer.", who)
        case .upstreamRequests: ("Attempts sent to an upstream.", who)
        case .upstreamDuration: ("From the request sent upstream to the last byte of its answer.", who)
        case .upTime: ("Time since the process started.", [])
        case .overhead: ("From the whole request received to the request sent upstream: the gateway's own share.", who)
        case .timeToFirstToken: ("From the request sent upstream to the first byte of the body of a stream.", who)
        case .tokens: ("Tokens used, by kind.", who + ["kind"])
        case .shadowRefusals: ("Refusals that a policy in shadow mode would have made.", who)
        case .retries: ("Attempts beyond the first.", who)
        case .streamsOpen: ("Exchanges that are being answered now.", [])
        case .sessionsOpen: ("Realtime sessions that are open now.", [])
        case .connectionsOpen: ("Client connections that are open now.", [])
        case .connectionsLimit: ("How many client connections there may be.", [])
        case .requestsLimit: ("How many exchanges may be answered at a time.", [])
        case .bodyBytesHeld:
            ("Memory that holds request bodies that did not come in one piece or are compressed, in bytes.", [])
        case .bodyBytesLimit: ("How much memory request bodies may take.", [])
        case .upstreamConnectionsOpen: ("Connections to an upstream that are open now.", ["upstream"])
        case .upstreamInFlight: ("Requests at an upstream that are not answered yet.", ["upstream"])
        case .configVersion: ("Version of the snapshot that new exchanges begin with.", [])
        case .configAge: ("Time since the config center was last heard of.", [])
        case .journalLost: ("Exchanges served although their usage could not be recorded.", [])
        case .journalDropped: ("Journal segments removed because the journal had reached its size.", [])
        case .journalFailures: ("Journal segments that could not be made, or not be brought to the disk whole.", [])
        case .usageShipped: ("Usage records that the ledger has stored.", [])
        case .usageShipFailures: ("Batches of usage records that had to be sent to the ledger again.", [])
        case .usageShipAge: ("Age of the oldest usage record that is on its way to the ledger; 0 when none is.", [])
        case .logDropped: ("Log lines lost because the disk was slower than the log.", [])
        case .failuresUnlogged:
            ("Failed attempts on upstreams without a line in the error log, which has a hundred a second at most.", [])
        case .connectionsRefused: ("Connections closed at once because the gateway was at its limit of them.", [])
        case .overLimit: ("Requests refused as `overloaded`, by the limit that was reached.", ["limit"])
        case .malformed: ("Requests refused because their bytes are not HTTP, by reason.", ["reason"])
        case .tlsFailures: ("TLS handshakes of clients that came to nothing: closed, refused or timeout.", ["reason"])
        case .certificateExpiry: ("When the certificate shown to clients ends to be valid.", [])
        case .streamErrors: ("HTTP/2 streams reset because they broke the protocol.", [])
        case .connectionErrors: ("HTTP/2 connections ended because they broke the protocol or flooded.", ["code"])
        case .seriesOverflow: ("Exchanges counted under `overflow` because there were too many series.", [])
        case .spoolRefusals: ("Uploads refused because there was no room to hold them.", [])
        case .objectsDropped: ("Stored objects forgotten because the map of their owners was full.", [])
        case .keysForgotten: ("Times that a loop forgot which keys it had verified, because there were too many.", [])
        }
    }
}
