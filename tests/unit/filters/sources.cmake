list(APPEND UNIT_PURE_SOURCES chain_test.cc tls_policy_test.cc user_rewrite_test.cc)
