import CRdKafka
public func version() -> String { String(cString: rd_kafka_version_str()) }
