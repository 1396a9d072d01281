"""The settings of a test server by their names, for type checkers and editors; `config.Settings` documents them."""

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """The fields of `config.Settings`, each of which may be left out. A test compares the two."""

    host: str
    port: int
    data: str
    store: str
    bus: str
    encryption_key: str
    objects: str
    objects_url: str
    objects_region: str
    objects_access_key_id: str
    objects_secret_access_key: str
    objects_encrypted: bool
    attachment_types: str
    attachment_bytes_max: int
    attachments_max: int
    attachment_scanner: str
    transcript_files: bool
    transcript_delay_seconds: int
    frontend_processes: str
    public_url: str
    public_hosts: str
    first_account_id: str
    first_region: str
    first_access_key_id: str
    first_secret_access_key: str
    first_instance_id: str
    first_contact_flow_id: str
    first_survey_flow_id: str
    first_returning_flow_id: str
    first_queue_id: str
    first_agent_a1: str
    first_agent_a2: str
    body_bytes_max: int
    header_bytes_max: int
    path_bytes_max: int
    frame_bytes_max: int
    connections_max: int
    buffered_bytes_max: int
    socket_frames_max: int
    sockets_per_participant_max: int
    request_seconds_max: int
    keep_alive_seconds: int
    socket_idle_seconds: int
    socket_stalled_seconds: int
    socket_after_end_seconds: int
    drain_seconds: int
    chat_connect_seconds: int
    clock_skew_seconds: int
    cors_origins: str
    start_chat_route: Literal["auto", "on", "off"]
    rate_limits: bool
    account_quotas: bool
    strict_limits: bool
    check_flow_resources: bool
    neighbours: str
    lambda_url: str
    lex_url: str
    sns_url: str
    eventbridge_url: str
    kinesis_url: str
    contact_events: str
    contact_records: str
    delivery_seconds: int
    signing_key_file: str
    signing_certificate_url: str
    require_same_customer: Literal["off", "differ", "known"]
    log_level: Literal["debug", "info", "warning", "error"]
    trace: bool
    log_format: Literal["human", "json"]
    flow_log_file: str
    audit: Literal["off", "management", "all"]
    audit_folder: str
    metrics_address: str
    past_ready_seconds: int
    test_controls: bool
    test_controls_on_any_host: bool
    quiet: bool
