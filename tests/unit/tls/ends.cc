#include "unit/tls/ends.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>

namespace postern::tls::testing {

void EngineEnd::start() {
  engine_->start(out_);
  if (engine_->has_input()) read_all();  // an end that was known from the beginning
}

void EngineEnd::deliver(const std::string& cipher) {
  std::size_t at = 0;
  while (at < cipher.size()) {
    std::size_t size = delivery_.chunk == 0 ? cipher.size() : delivery_.chunk;
    if (delivery_.first != 0) size = std::exchange(delivery_.first, 0);
    // A copy of exactly this piece: reading one octet more is a finding of AddressSanitizer's.
    const std::vector<char> piece(
        cipher.begin() + static_cast<std::ptrdiff_t>(at),
        cipher.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, cipher.size())));
    at += piece.size();
    engine_->feed({piece.data(), piece.size()});
    read_all();
  }
}

void EngineEnd::read_all() {
  std::vector<char> plain(delivery_.plain);
  for (;;) {
    if (delivery_.keep) engine_->keep();
    const ReadResult result = engine_->read(plain.data(), plain.size(), out_);
    outgoing_.append(out_.octets());
    out_.clear();
    if (result.status == ReadStatus::Plain) {
      ASSERT_GT(result.octets, 0U);
      received_.append(plain.data(), result.octets);
      continue;
    }
    if (result.status == ReadStatus::WantInput) {
      EXPECT_FALSE(engine_->has_input());
      break;
    }
    events_.push_back(result.status);
    if (result.status != ReadStatus::Handshaken) break;
  }
}

void EngineEnd::end_of_file() {
  engine_->end_of_file();
  read_all();
}

void EngineEnd::send(const std::string& plain) {
  std::size_t sent = 0;
  while (sent < plain.size()) {
    const std::size_t part = engine_->write(Octets(plain).substr(sent), out_);
    outgoing_.append(out_.octets());
    out_.clear();
    if (part == 0) return;
    sent += part;
  }
}

std::string EngineEnd::take_cipher() {
  outgoing_.append(out_.octets());
  out_.clear();
  return std::exchange(outgoing_, {});
}

RawClient::RawClient(const Setup& setup) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, on_session);
  SSL_CTX_set_info_callback(context_, on_info);
  if (setup) setup(context_, nullptr);
  ssl_ = SSL_new(context_);
  SSL_set_app_data(ssl_, this);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_);
  if (setup) setup(context_, ssl_);
}

RawClient::~RawClient() {
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or its session would be spoilt
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

std::shared_ptr<SSL_SESSION> RawClient::session() const {
  if (SSL_version(ssl_) == TLS1_3_VERSION) return session_;
  return {SSL_get1_session(ssl_), SSL_SESSION_free};  // also a ticket that came with a resumption
}

int RawClient::on_session(SSL* ssl, SSL_SESSION* session) {
  static_cast<RawClient*>(SSL_get_app_data(ssl))->session_.reset(session, SSL_SESSION_free);
  return 1;
}

void RawClient::on_info(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT) return;
  static_cast<RawClient*>(SSL_get_app_data(ssl))->alert_ = SSL_alert_desc_string_long(value);
}

void RawClient::step() {
  std::vector<char> plain(65536);
  for (;;) {
    const int size = SSL_read(ssl_, plain.data(), static_cast<int>(plain.size()));
    if (size <= 0) break;
    received_.append(plain.data(), static_cast<std::size_t>(size));
  }
  ERR_clear_error();
}

void RawClient::deliver(const std::string& cipher) {
  BIO_write(SSL_get_rbio(ssl_), cipher.data(), static_cast<int>(cipher.size()));
  step();
}

void RawClient::send(const std::string& plain) {
  EXPECT_EQ(SSL_write(ssl_, plain.data(), static_cast<int>(plain.size())), static_cast<int>(plain.size()));
  ERR_clear_error();
}

std::string RawClient::take_cipher() {
  std::string cipher(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
  if (!cipher.empty()) BIO_read(SSL_get_wbio(ssl_), cipher.data(), static_cast<int>(cipher.size()));
  return cipher;
}

std::string RawClient::peer_common_name() const {
  const X509* cert = SSL_get0_peer_certificate(ssl_);
  if (cert == nullptr) return {};
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name.data(), name.size());
  return name.data();
}

std::shared_ptr<const ServerContext> server_context(const config::Tls& settings,
                                                    std::shared_ptr<TicketKeys> tickets) {
  auto context = ServerContext::make(settings, std::move(tickets));
  if (!context) {
    ADD_FAILURE() << context.error().detail;
    std::abort();
  }
  return *context;
}

std::shared_ptr<const ClientContext> client_context(const config::Upstream& settings) {
  auto context = ClientContext::make(settings);
  if (!context) {
    ADD_FAILURE() << context.error().detail;
    std::abort();
  }
  return *context;
}

Result<void> load(TicketKeys& keys, const std::string& path) {
  auto read = TicketKeys::read(path);
  if (!read) return read.error();
  keys.use(*std::move(read));
  return {};
}

std::shared_ptr<const ClientContext> trusting_client() {
  config::Upstream settings;
  settings.verify = config::Verify::None;
  return client_context(settings);
}

}  // namespace postern::tls::testing
