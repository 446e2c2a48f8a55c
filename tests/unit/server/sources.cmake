list(APPEND UNIT_SERVER_SOURCES balance_test.cc capabilities_test.cc check_test.cc cli_test.cc explain_test.cc glob_cover_test.cc health_test.cc http_test.cc
  ledger_test.cc log_line_test.cc log_test.cc metrics_test.cc monitor_test.cc pages_test.cc privileges_test.cc
  probe_test.cc process_stats_test.cc random_test.cc reload_test.cc resolver_test.cc rule_check_test.cc session_gate_test.cc
  siphash_test.cc snapshot_test.cc status_test.cc upstream_view_test.cc watch_test.cc worker_test.cc)
