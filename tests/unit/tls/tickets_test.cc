// Resumption by tickets: across workers, reloads and rotations, and never under another name.
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "unit/tls/ends.h"

namespace postern::tls::testing {
namespace {

class TicketsTest : public ::testing::TestWithParam<int> {
 protected:
  TicketsTest() {
    settings_.certificates.push_back(
        make_identity({.common_name = "a", .names = "DNS:a.example,DNS:b.example"}).in(folder_, "a"));
    settings_.certificates.push_back(
        make_identity({.common_name = "c", .names = "DNS:c.example"}).in(folder_, "c"));
  }

  // What another worker, or a reload, would make of the same configuration.
  std::shared_ptr<const ServerContext> context() { return server_context(settings_, keys_); }

  struct Outcome {
    bool handshaken = false;
    bool resumed = false;
    std::shared_ptr<SSL_SESSION> session;
  };
  Outcome connect(const std::shared_ptr<const ServerContext>& server, const std::string& name,
                  const std::shared_ptr<SSL_SESSION>& with = nullptr) {
    RawClient client([&](SSL_CTX* client_side, SSL* ssl) {
      if (ssl == nullptr) {
        SSL_CTX_set_max_proto_version(client_side, GetParam());
        return;
      }
      if (!name.empty()) SSL_set_tlsext_host_name(ssl, name.c_str());
      if (!with) return;
      SSL_SESSION* copy = SSL_SESSION_dup(with.get());  // so that it can be tried again
      SSL_set_session(ssl, copy);
      SSL_SESSION_free(copy);
    });
    EngineEnd end(TlsEngine::accept(server));
    shake_hands(client, end);
    client.send("a1 NOOP\r\n");
    end.send("* OK\r\n");
    converse(client, end);
    EXPECT_EQ(end.received(), "a1 NOOP\r\n");
    EXPECT_EQ(SSL_session_reused(client.ssl()) == 1, end.engine().facts().resumed);
    return {client.handshaken(), end.engine().facts().resumed, client.session()};
  }

  TempFolder folder_;
  config::Tls settings_;
  std::shared_ptr<TicketKeys> keys_ = std::make_shared<TicketKeys>();
};

TEST_P(TicketsTest, a_session_resumes_with_its_ticket) {
  const auto server = context();
  const Outcome first = connect(server, "a.example");
  EXPECT_FALSE(first.resumed);
  ASSERT_NE(first.session, nullptr);
  const Outcome second = connect(server, "a.example", first.session);
  EXPECT_TRUE(second.resumed);
  EXPECT_TRUE(second.handshaken);
}

TEST_P(TicketsTest, a_session_resumes_without_any_name_too) {
  const auto server = context();
  EXPECT_TRUE(connect(server, "", connect(server, "").session).resumed);
}

TEST_P(TicketsTest, another_context_with_the_same_keys_resumes) {
  const Outcome first = connect(context(), "a.example");
  EXPECT_TRUE(connect(context(), "a.example", first.session).resumed);
  EXPECT_TRUE(connect(context(), "A.EXAMPLE", first.session).resumed) << "names ignore case";
}

TEST_P(TicketsTest, a_renewed_certificate_with_the_same_names_resumes) {
  const Outcome first = connect(context(), "a.example");
  settings_.certificates[0] =
      make_identity({.common_name = "new", .names = "DNS:b.example,DNS:a.example"}).in(folder_, "a2");
  EXPECT_TRUE(connect(context(), "a.example", first.session).resumed);
}

TEST_P(TicketsTest, a_certificate_with_other_names_does_not_resume) {
  const Outcome first = connect(context(), "a.example");
  settings_.certificates[0] = make_identity({.names = "DNS:a.example"}).in(folder_, "a2");
  const Outcome second = connect(context(), "a.example", first.session);
  EXPECT_FALSE(second.resumed);
  EXPECT_TRUE(second.handshaken);
}

TEST_P(TicketsTest, other_keys_do_not_resume_but_shake_hands) {
  const Outcome first = connect(context(), "a.example");
  keys_ = std::make_shared<TicketKeys>();
  const Outcome second = connect(context(), "a.example", first.session);
  EXPECT_FALSE(second.resumed);
  EXPECT_TRUE(second.handshaken);
}

TEST_P(TicketsTest, two_rotations_still_resume_and_the_third_does_not) {
  const auto server = context();
  const Outcome first = connect(server, "a.example");
  for (int rotation = 1; rotation <= 3; ++rotation) {
    keys_->rotate();
    EXPECT_EQ(connect(server, "a.example", first.session).resumed, rotation < 3) << rotation;
  }
}

TEST_P(TicketsTest, a_ticket_under_an_old_key_is_renewed) {
  const auto server = context();
  Outcome last = connect(server, "a.example");
  for (int rotation = 0; rotation < 6; ++rotation) {
    keys_->rotate();
    last = connect(server, "a.example", last.session);
    ASSERT_TRUE(last.resumed) << rotation;
    ASSERT_NE(last.session, nullptr) << "a new ticket under the new key";
  }
}

TEST_P(TicketsTest, a_ticket_does_not_resume_under_another_name) {
  const auto server = context();
  const Outcome first = connect(server, "a.example");
  for (const char* name : {"b.example", "c.example", "elsewhere.example", ""}) {
    const Outcome second = connect(server, name, first.session);
    EXPECT_FALSE(second.resumed) << name;
    EXPECT_TRUE(second.handshaken) << name;
  }
  EXPECT_TRUE(connect(server, "a.example", first.session).resumed);
}

TEST_P(TicketsTest, a_broken_ticket_leads_to_a_full_handshake) {
  const auto server = context();
  const Outcome first = connect(server, "a.example");
  unsigned char* octets = nullptr;
  const int size = i2d_SSL_SESSION(first.session.get(), &octets);
  const unsigned char* ticket = nullptr;
  std::size_t ticket_size = 0;
  SSL_SESSION_get0_ticket(first.session.get(), &ticket, &ticket_size);
  const std::string needle(reinterpret_cast<const char*>(ticket), ticket_size);
  std::string encoded(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
  OPENSSL_free(octets);
  const std::size_t at = encoded.find(needle);
  ASSERT_NE(at, std::string::npos);
  for (const std::size_t octet : {std::size_t{0}, std::size_t{17}, ticket_size / 2, ticket_size - 1}) {
    std::string changed = encoded;
    changed[at + octet] = static_cast<char>(changed[at + octet] ^ 1);
    const auto* memory = reinterpret_cast<const unsigned char*>(changed.data());
    const std::shared_ptr<SSL_SESSION> session(
        d2i_SSL_SESSION(nullptr, &memory, static_cast<long>(changed.size())), SSL_SESSION_free);
    const Outcome second = connect(server, "a.example", session);
    EXPECT_FALSE(second.resumed) << octet;
    EXPECT_TRUE(second.handshaken) << octet;
  }
}

TEST_P(TicketsTest, no_tickets_are_given_where_they_are_switched_off) {
  settings_.session_tickets = false;
  const std::shared_ptr<SSL_SESSION> session = connect(context(), "a.example").session;
  EXPECT_TRUE(session == nullptr || SSL_SESSION_has_ticket(session.get()) == 0);
}

TEST_P(TicketsTest, exactly_one_ticket_is_given) {
  int tickets = 0;
  RawClient client([&](SSL_CTX* client_side, SSL* ssl) {
    if (ssl != nullptr) return;
    SSL_CTX_set_max_proto_version(client_side, GetParam());
    SSL_CTX_set_msg_callback_arg(client_side, &tickets);
    SSL_CTX_set_msg_callback(
        client_side, [](int sent, int, int type, const void* message, std::size_t, SSL*, void* count) {
          if (sent == 0 && type == SSL3_RT_HANDSHAKE &&
              *static_cast<const unsigned char*>(message) == SSL3_MT_NEWSESSION_TICKET)
            ++*static_cast<int*>(count);
        });
  });
  EngineEnd server(TlsEngine::accept(context()));
  shake_hands(client, server);
  EXPECT_EQ(tickets, 1);
}

// One context, two workers, and a main thread that rotates meanwhile: for ThreadSanitizer.
TEST_P(TicketsTest, workers_share_a_context_while_keys_rotate) {
  const auto server = context();
  std::array<int, 2> handshakes{};
  std::vector<std::thread> workers;
  for (int& count : handshakes) {
    workers.emplace_back([&] {
      std::shared_ptr<SSL_SESSION> session;
      for (int i = 0; i < 20; ++i) {
        const Outcome outcome = connect(server, "c.example", session);
        session = outcome.session;
        count += outcome.handshaken ? 1 : 0;
      }
    });
  }
  for (int i = 0; i < 50; ++i) keys_->rotate();
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(handshakes, (std::array{20, 20}));
}

INSTANTIATE_TEST_SUITE_P(Versions, TicketsTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

// The key file, as nginx reads it.
class TicketFileTest : public TicketsTest {
 protected:
  static std::string key(char fill) { return std::string(80, fill); }
};

TEST_P(TicketFileTest, replicas_with_the_same_file_resume_each_others_sessions) {
  const std::string path = folder_.write("tickets", key('a'));
  ASSERT_TRUE(load(*keys_, path));
  const Outcome first = connect(context(), "a.example");
  keys_ = std::make_shared<TicketKeys>();
  ASSERT_TRUE(load(*keys_, path));
  EXPECT_TRUE(connect(context(), "a.example", first.session).resumed);
}

TEST_P(TicketFileTest, the_first_key_encrypts_and_the_others_decrypt) {
  ASSERT_TRUE(load(*keys_, folder_.write("old", key('a'))));
  const Outcome under_a = connect(context(), "a.example");
  ASSERT_TRUE(load(*keys_, folder_.write("both", key('b') + key('a'))));
  EXPECT_TRUE(connect(context(), "a.example", under_a.session).resumed);
  const Outcome under_b = connect(context(), "a.example");
  ASSERT_TRUE(load(*keys_, folder_.write("new", key('b'))));
  EXPECT_TRUE(connect(context(), "a.example", under_b.session).resumed);
  EXPECT_FALSE(connect(context(), "a.example", under_a.session).resumed);
}

TEST_P(TicketFileTest, a_file_of_another_size_is_refused_and_changes_nothing) {
  const Outcome first = connect(context(), "a.example");
  for (const std::size_t size : {0UL, 1UL, 48UL, 79UL, 81UL, 128UL}) {
    const std::string path = folder_.write("odd", std::string(size, 'x'));
    const Result<void> loaded = load(*keys_, path);
    ASSERT_FALSE(loaded) << size;
    EXPECT_NE(loaded.error().detail.find(path + " has " + std::to_string(size) + " octets"),
              std::string::npos);
    EXPECT_NE(loaded.error().detail.find("80"), std::string::npos);
  }
  const Result<void> missing = load(*keys_, folder_.path("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::FileUnreadable);
  EXPECT_TRUE(connect(context(), "a.example", first.session).resumed);
}

INSTANTIATE_TEST_SUITE_P(Versions, TicketFileTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace postern::tls::testing
