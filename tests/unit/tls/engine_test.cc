// The engine as a transformer of octets: cut as the network likes, kept or borrowed, with little room, and
// with a peer that ends well, badly, or never was one.
#include "tls/engine.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <algorithm>
#include <random>

#include "unit/tls/ends.h"

namespace postern::tls::testing {
namespace {

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    config::Tls settings;
    settings.certificates.push_back(make_identity({.names = "DNS:mail.example"}).in(*folder_, "mail"));
    server_ = server_context(settings, std::make_shared<TicketKeys>());
    client_ = trusting_client();
    old_client_settings_ = RawClient::Setup([](SSL_CTX* context, SSL* ssl) {
      if (ssl == nullptr) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    });
  }
  static void TearDownTestSuite() {
    server_.reset();
    client_.reset();
    folder_.reset();
  }

  static EngineEnd accept(Delivery delivery = {}) { return EngineEnd(TlsEngine::accept(server_), delivery); }
  static EngineEnd connect(Delivery delivery = {}) {
    return EngineEnd(TlsEngine::connect(client_, "mail.example"), delivery);
  }
  static std::string letters(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 31 % 26 + (i >> 12) % 3);
    return text;
  }

  static std::unique_ptr<TempFolder> folder_;
  static std::shared_ptr<const ServerContext> server_;
  static std::shared_ptr<const ClientContext> client_;
  static RawClient::Setup old_client_settings_;
};

std::unique_ptr<TempFolder> EngineTest::folder_;
std::shared_ptr<const ServerContext> EngineTest::server_;
std::shared_ptr<const ClientContext> EngineTest::client_;
RawClient::Setup EngineTest::old_client_settings_;

TEST_F(EngineTest, two_engines_shake_hands_and_talk) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  ASSERT_EQ(server.events(), std::vector{ReadStatus::Handshaken});
  ASSERT_EQ(client.events(), std::vector{ReadStatus::Handshaken});
  EXPECT_TRUE(server.engine().handshaken());
  client.send("a1 NOOP\r\n");
  converse(client, server);
  EXPECT_EQ(server.received(), "a1 NOOP\r\n");
  server.send("a1 OK\r\n");
  converse(client, server);
  EXPECT_EQ(client.received(), "a1 OK\r\n");
}

TEST_F(EngineTest, facts_are_known_after_the_handshake_and_not_before) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  EXPECT_FALSE(server.engine().facts().secure);
  EXPECT_STREQ(server.engine().facts().version(), "");
  shake_hands(client, server);
  const char* group = OpenSSL_version_num() >= 0x30500000UL ? "X25519MLKEM768" : "x25519";
  for (EngineEnd* end : {&client, &server}) {
    const TlsFacts& facts = end->engine().facts();
    EXPECT_TRUE(facts.secure);
    EXPECT_STREQ(facts.version(), "TLSv1.3");
    EXPECT_EQ(facts.cipher, "TLS_AES_256_GCM_SHA384");
    EXPECT_TRUE(equals_ignoring_case(facts.group, group)) << facts.group;
    EXPECT_EQ(facts.sni, "mail.example");
    EXPECT_EQ(facts.alpn, "");
    EXPECT_FALSE(facts.resumed);
  }
}

TEST_F(EngineTest, octet_by_octet_is_as_good_as_whole) {
  for (const bool keep : {false, true}) {
    for (const std::size_t plain : {std::size_t{1}, std::size_t{65536}}) {
      EngineEnd client = connect({.chunk = 1, .keep = keep, .plain = plain});
      EngineEnd server = accept({.chunk = 1, .keep = keep, .plain = plain});
      shake_hands(client, server);
      client.send("a1 LOGIN u p\r\n");
      server.send("* OK ready\r\n");
      converse(client, server);
      EXPECT_EQ(server.received(), "a1 LOGIN u p\r\n");
      EXPECT_EQ(client.received(), "* OK ready\r\n");
      client.close();
      converse(client, server);
      EXPECT_EQ(server.events(), (std::vector{ReadStatus::Handshaken, ReadStatus::CloseNotify}));
    }
  }
}

// The stream of each side is cut in two at every octet, the rest follows.
TEST_F(EngineTest, every_split_of_the_handshake_is_as_good_as_whole) {
  std::size_t longest = 0;
  for (std::size_t cut = 1; cut == 1 || cut < longest; cut += cut < 64 ? 1 : 7) {
    EngineEnd client = connect({.first = cut, .keep = cut % 2 == 0});
    EngineEnd server = accept({.first = cut, .keep = cut % 2 == 1});
    client.start();
    std::size_t from_client = 0;
    std::size_t from_server = 0;
    client.send("x");
    for (bool silent = false; !silent;) {
      const std::string up = client.take_cipher();
      if (!up.empty()) server.deliver(up);
      const std::string down = server.take_cipher();
      if (!down.empty()) client.deliver(down);
      from_client += up.size();
      from_server += down.size();
      silent = up.empty() && down.empty();
    }
    longest = std::max({longest, from_client, from_server});
    ASSERT_EQ(server.end(), ReadStatus::Handshaken) << "cut at " << cut;
    ASSERT_EQ(client.end(), ReadStatus::Handshaken) << "cut at " << cut;
    client.send("a1 NOOP\r\n");
    converse(client, server);
    ASSERT_EQ(server.received(), "a1 NOOP\r\n") << "cut at " << cut;
  }
  EXPECT_GT(longest, 500U);
}

TEST_F(EngineTest, tls_1_2_is_cut_at_every_size_too) {
  for (const std::size_t chunk : {0UL, 1UL, 2UL, 3UL, 5UL, 6UL, 64UL, 1000UL}) {
    RawClient client(old_client_settings_);
    EngineEnd server = accept({.chunk = chunk, .keep = chunk == 3});
    shake_hands(client, server);
    ASSERT_TRUE(client.handshaken());
    EXPECT_STREQ(server.engine().facts().version(), "TLSv1.2");
    EXPECT_EQ(server.engine().facts().cipher.substr(0, 11), "ECDHE-ECDSA");
    EXPECT_FALSE(server.engine().facts().group.empty());
    client.send("a1 NOOP\r\n");
    converse(client, server);
    EXPECT_EQ(server.received(), "a1 NOOP\r\n");
    server.send(letters(40000));
    converse(client, server);
    EXPECT_EQ(client.received(), letters(40000));
  }
}

// The same ciphertext, with keep() at points that the seed chooses: the same plaintext must come out.
TEST_F(EngineTest, keep_changes_nothing_wherever_it_is_called) {
  const std::string text = letters(50000);
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    EngineEnd client = connect();
    EngineEnd handshaker = accept();
    shake_hands(client, handshaker);
    client.send(text);
    const std::string cipher = client.take_cipher();
    TlsEngine& server = handshaker.engine();
    std::string received;
    CipherBuffer out;
    std::size_t at = 0;
    while (at < cipher.size() || server.has_input()) {
      const std::vector<char> piece(cipher.begin() + static_cast<std::ptrdiff_t>(at),
                                    cipher.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                         at + 1 + random() % 30000, cipher.size())));
      server.feed({piece.data(), piece.size()});
      at += piece.size();
      // Some is read, some not: what is not read by the end of the piece's life must be kept.
      for (unsigned reads = random() % 4; reads > 0; --reads) {
        if (random() % 3 == 0) server.keep();
        std::vector<char> plain(1 + random() % 20000);
        const ReadResult result = server.read(plain.data(), plain.size(), out);
        if (result.status == ReadStatus::Plain) received.append(plain.data(), result.octets);
      }
      server.keep();
    }
    ASSERT_EQ(received, text) << "seed " << seed;
  }
}

TEST_F(EngineTest, unread_plaintext_is_announced_by_has_input) {
  EngineEnd client = connect();
  EngineEnd handshaker = accept();
  shake_hands(client, handshaker);
  client.send("abcdef");
  const std::string cipher = client.take_cipher();
  TlsEngine& server = handshaker.engine();
  CipherBuffer out;
  EXPECT_FALSE(server.has_input());
  server.feed(cipher);
  EXPECT_TRUE(server.has_input());
  char plain[4];
  EXPECT_EQ(server.read(plain, sizeof plain, out).octets, 4U);
  EXPECT_TRUE(server.has_input()) << "two octets wait inside OpenSSL";
  EXPECT_EQ(server.read(plain, sizeof plain, out).octets, 2U);
  EXPECT_FALSE(server.has_input());
  EXPECT_EQ(server.read(plain, sizeof plain, out).status, ReadStatus::WantInput);
}

TEST_F(EngineTest, a_partial_record_is_no_input_that_read_could_give_out) {
  EngineEnd client = connect();
  EngineEnd handshaker = accept();
  shake_hands(client, handshaker);
  client.send("abcdef");
  const std::string cipher = client.take_cipher();
  TlsEngine& server = handshaker.engine();
  CipherBuffer out;
  char plain[64];
  server.feed(Octets(cipher).substr(0, 9));
  EXPECT_EQ(server.read(plain, sizeof plain, out).status, ReadStatus::WantInput);
  EXPECT_FALSE(server.has_input());
  server.feed(Octets(cipher).substr(9));
  EXPECT_EQ(server.read(plain, sizeof plain, out).octets, 6U);
}

TEST_F(EngineTest, close_notify_is_told_once_sent_and_is_not_a_truncation) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  client.send("a1 LOGOUT\r\n");
  client.close();
  client.close();
  const std::string cipher = client.take_cipher();
  server.deliver(cipher);
  EXPECT_EQ(server.received(), "a1 LOGOUT\r\n");
  EXPECT_EQ(server.end(), ReadStatus::CloseNotify);
  server.end_of_file();
  EXPECT_EQ(server.end(), ReadStatus::CloseNotify);
  EXPECT_FALSE(server.engine().has_input());
  // The other direction is still open (RFC 8446 §6.1), until it is closed as well.
  server.send("* BYE\r\n");
  server.close();
  client.deliver(server.take_cipher());
  EXPECT_EQ(client.received(), "* BYE\r\n");
  EXPECT_EQ(client.end(), ReadStatus::CloseNotify);
  client.send("late");
  EXPECT_EQ(client.take_cipher(), "") << "nothing is written behind close_notify";
}

TEST_F(EngineTest, close_notify_is_sent_once) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  CipherBuffer out;
  server.engine().close_notify(out);
  const std::size_t once = out.size();
  EXPECT_GT(once, 0U);
  server.engine().close_notify(out);
  EXPECT_EQ(out.size(), once);
}

TEST_F(EngineTest, end_of_file_without_close_notify_is_a_truncation) {
  for (const std::size_t cut : {0UL, 1UL, 3UL, 5UL, 9UL}) {
    EngineEnd client = connect();
    EngineEnd server = accept();
    shake_hands(client, server);
    client.send("a1 NOOP\r\n");
    client.deliver(server.take_cipher());
    server.deliver(client.take_cipher());
    client.send("a2 EXPUNGE\r\n");
    server.deliver(client.take_cipher().substr(0, cut));
    server.end_of_file();
    EXPECT_EQ(server.received(), "a1 NOOP\r\n") << "no octet of the record that was cut";
    EXPECT_EQ(server.end(), ReadStatus::Truncated) << "cut at " << cut;
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST_F(EngineTest, end_of_file_in_the_handshake_is_a_truncation) {
  EngineEnd client = connect();
  client.start();
  const std::string hello = client.take_cipher();
  for (const std::size_t cut :
       {std::size_t{0}, std::size_t{1}, std::size_t{5}, hello.size() / 2, hello.size()}) {
    EngineEnd server = accept();
    server.deliver(hello.substr(0, cut));
    server.end_of_file();
    EXPECT_EQ(server.events(), std::vector{ReadStatus::Truncated}) << "cut at " << cut;
    EXPECT_FALSE(server.engine().handshaken());
  }
}

TEST_F(EngineTest, data_ahead_of_the_end_is_given_out_first) {
  EngineEnd client = connect();
  EngineEnd handshaker = accept();
  shake_hands(client, handshaker);
  client.send("last words");
  client.close();
  const std::string cipher = client.take_cipher();
  TlsEngine& server = handshaker.engine();
  CipherBuffer out;
  char plain[64];
  server.feed(cipher);
  server.end_of_file();
  EXPECT_EQ(server.read(plain, sizeof plain, out).octets, 10U);
  EXPECT_TRUE(server.has_input()) << "the end has not been told";
  EXPECT_EQ(server.read(plain, sizeof plain, out).status, ReadStatus::CloseNotify);
  EXPECT_FALSE(server.has_input());
}

TEST_F(EngineTest, write_fills_the_room_with_whole_records_and_never_more) {
  const std::string text = letters(200000);
  for (const std::size_t room : {0UL, 1UL, 255UL, 256UL, 257UL, 300UL, 4000UL, 4352UL, 16384UL, 16640UL,
                                 16641UL, 33000UL, CipherBuffer::kBytes}) {
    EngineEnd client = connect();
    EngineEnd server = accept();
    shake_hands(client, server);
    CipherBuffer out;
    const std::string filler(CipherBuffer::kBytes - room, '#');
    ASSERT_TRUE(out.append(filler));
    const std::size_t written = server.engine().write(text, out);
    EXPECT_LE(out.size(), CipherBuffer::kBytes);
    // Only a remainder too small for a record worth its overhead is left unused.
    EXPECT_EQ(written != 0, room >= 4096 + 256) << "room " << room;
    if (room >= 16640) {
      EXPECT_GE(written, 16384U);
    }
    client.deliver(std::string(out.octets().substr(filler.size())));
    EXPECT_EQ(client.received(), text.substr(0, written)) << "room " << room;
  }
}

TEST_F(EngineTest, a_short_end_goes_into_little_room) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  CipherBuffer out;
  const std::string filler(CipherBuffer::kBytes - 300, '#');
  ASSERT_TRUE(out.append(filler));
  EXPECT_EQ(server.engine().write("a1 OK\r\n", out), 7U);
  client.deliver(std::string(out.octets().substr(filler.size())));
  EXPECT_EQ(client.received(), "a1 OK\r\n");
}

TEST_F(EngineTest, sixty_four_kilobytes_leave_in_one_call) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  const std::string text = letters(65536);
  CipherBuffer out;
  EXPECT_EQ(server.engine().write(text, out), text.size());
  EXPECT_EQ(out.size(), text.size() + 4 * 22) << "four records of TLS 1.3";
  client.deliver(std::string(out.octets()));
  EXPECT_EQ(client.received(), text);
}

TEST_F(EngineTest, nothing_is_written_before_the_handshake_is_done) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  client.start();
  CipherBuffer out;
  EXPECT_EQ(server.engine().write("* OK ready\r\n", out), 0U);
  EXPECT_EQ(client.engine().write("a1 NOOP\r\n", out), 0U);
  server.engine().close_notify(out);
  EXPECT_TRUE(out.empty());
}

// RFC 6066 §4: records of 512 octets each cost their overhead, and the room is still enough.
TEST_F(EngineTest, a_client_that_wants_short_records_gets_them) {
  RawClient client([](SSL_CTX* context, SSL* ssl) {
    if (ssl == nullptr) SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
  });
  EngineEnd server = accept();
  shake_hands(client, server);
  ASSERT_TRUE(client.handshaken());
  const std::string text = letters(150000);
  server.send(text);
  converse(client, server);
  EXPECT_EQ(client.received(), text);
}

TEST_F(EngineTest, what_is_no_tls_fails_cleanly) {
  std::string noise(4000, '\0');
  std::mt19937 random(7);
  for (char& c : noise) c = static_cast<char>(random());
  const std::vector<std::string> rubbish{"GET / HTTP/1.1\r\nHost: mail.example\r\n\r\n",
                                         "a1 LOGIN user password\r\n",
                                         std::string(5000, '\0'),
                                         noise,
                                         std::string("\x16\x03\x01\xff\xff", 5) + noise,
                                         std::string("\x16\x03\x01\x00\x00", 5) + noise,
                                         std::string("\x15\x03\x03\x00\x02\x02\x28", 7)};
  for (const std::string& octets : rubbish) {
    for (const std::size_t chunk : {0UL, 1UL}) {
      EngineEnd server = accept({.chunk = chunk});
      server.deliver(octets);
      EXPECT_EQ(server.end(), ReadStatus::Failed);
      EXPECT_NE(server.engine().error(), ErrorCode::Ok);
      EXPECT_FALSE(server.engine().reason().empty());
      EXPECT_EQ(server.engine().reason().find("LOGIN"), std::string::npos);
      EXPECT_FALSE(server.engine().has_input());
      EXPECT_LT(server.take_cipher().size(), 64U) << "an alert at most";
      EXPECT_EQ(ERR_peek_error(), 0U);
    }
  }
}

TEST_F(EngineTest, an_http_request_is_named_in_the_reason) {
  EngineEnd server = accept();
  server.deliver("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(server.engine().error(), ErrorCode::TlsOther);
  EXPECT_EQ(server.engine().reason(), "http request");
}

TEST_F(EngineTest, a_changed_octet_anywhere_fails_the_session_and_yields_nothing) {
  for (std::size_t at = 0; at < 31; ++at) {
    EngineEnd client = connect();
    EngineEnd server = accept();
    shake_hands(client, server);
    client.send("a1 NOOP\r\n");
    std::string cipher = client.take_cipher();
    ASSERT_EQ(cipher.size(), 31U);
    cipher[at] = static_cast<char>(cipher[at] ^ 1);
    server.deliver(cipher);
    server.end_of_file();
    EXPECT_EQ(server.received(), "") << "octet " << at;
    EXPECT_TRUE(server.end() == ReadStatus::Failed || server.end() == ReadStatus::Truncated)
        << "octet " << at;
    EXPECT_EQ(server.engine().write("x", *std::make_unique<CipherBuffer>()) != 0,
              server.end() == ReadStatus::Truncated);
  }
}

// RFC 8446 §4.6.3: ahead of the next application data. Its 27 octets need room, too.
TEST_F(EngineTest, a_key_update_is_answered_ahead_of_the_next_write) {
  RawClient client;
  EngineEnd server = accept();
  shake_hands(client, server);
  server.take_cipher();
  SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
  client.send("a1 NOOP\r\n");
  server.deliver(client.take_cipher());
  EXPECT_EQ(server.received(), "a1 NOOP\r\n");
  CipherBuffer out;
  const std::string filler(CipherBuffer::kBytes - 257 - 7, '#');
  ASSERT_TRUE(out.append(filler));
  EXPECT_EQ(server.engine().write("a1 OK\r\n", out), 7U);
  EXPECT_EQ(out.size() - filler.size(), 27U + 7U + 22U);
  client.deliver(std::string(out.octets().substr(filler.size())));
  EXPECT_EQ(client.received(), "a1 OK\r\n");
}

TEST_F(EngineTest, a_flood_of_key_updates_fails_the_session) {
  RawClient client;
  EngineEnd server = accept();
  shake_hands(client, server);
  server.take_cipher();
  for (int i = 0; i < 2000; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl());
  }
  server.deliver(client.take_cipher());
  EXPECT_EQ(server.end(), ReadStatus::Failed);
  EXPECT_EQ(server.engine().error(), ErrorCode::TlsOther);
  EXPECT_EQ(server.engine().reason(), "the peer asks for too many answers");
  EXPECT_LT(server.take_cipher().size(), 2048U);
}

TEST_F(EngineTest, key_updates_between_data_are_no_flood) {
  RawClient client;
  EngineEnd server = accept();
  shake_hands(client, server);
  for (int i = 0; i < 200; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    client.send("x");
    converse(client, server);
  }
  EXPECT_EQ(server.received(), std::string(200, 'x'));
  EXPECT_EQ(server.end(), ReadStatus::Handshaken);
}

TEST_F(EngineTest, errors_of_one_session_do_not_reach_another) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  shake_hands(client, server);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);  // as if somebody had left it behind
  client.send("a1 NOOP\r\n");
  const std::string cipher = client.take_cipher();
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  server.deliver(cipher.substr(0, 10));
  server.deliver(cipher.substr(10));
  EXPECT_EQ(server.received(), "a1 NOOP\r\n");
}

TEST_F(EngineTest, plaintext_can_be_wiped_inside_openssl) {
  EngineEnd client = connect();
  EngineEnd server = accept();
  server.engine().cleanse_plaintext(true);
  shake_hands(client, server);
  client.send("a1 LOGIN u p\r\n");
  converse(client, server);
  server.engine().cleanse_plaintext(false);
  client.send("a2 NOOP\r\n");
  converse(client, server);
  EXPECT_EQ(server.received(), "a1 LOGIN u p\r\na2 NOOP\r\n");
}

}  // namespace
}  // namespace postern::tls::testing
