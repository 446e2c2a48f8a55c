#include "tls/engine.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <utility>

#include "tls/client_auth.h"
#include "tls/context_impl.h"
#include "tls/failure.h"
#include "tls/transform.h"

namespace postern::tls {
namespace {

// The most that a record adds to its plaintext, with the empty fragment of CBC in TLS 1.0 and a KeyUpdate
// ahead.
constexpr std::size_t kRecordOverhead = 256;
// A short record is worth its overhead only at the end of what there is to send.
constexpr std::size_t kRecordBytesMin = 4 * 1024;
constexpr std::size_t kRecordBytesMax = SSL3_RT_MAX_PLAIN_LENGTH;

}  // namespace

struct TlsEngine::Impl {
  std::shared_ptr<const ServerContext> server;  // one of the two
  std::shared_ptr<const ClientContext> client;
  Transform transform;
  SslPtr ssl;  // refers to `transform`: declared, and so destroyed, in this order
  std::string reason;
  ErrorCode error = ErrorCode::Ok;
  ReadStatus end = ReadStatus::WantInput;  // the end, once there is one; WantInput: not yet
  bool end_told = false;
  bool handshaken = false;
  bool close_sent = false;
  std::uint16_t record_bytes = kRecordBytesMax;  // a client may ask for less (RFC 6066 §4)

  // For the time of one call: where ciphertext goes, and an error queue that holds nobody else's errors.
  class Call {
   public:
    Call(Impl& impl, CipherBuffer& out) : transform_(impl.transform) {
      transform_.out = &out;
      if (ERR_peek_error() != 0) ERR_clear_error();
    }
    ~Call() { transform_.out = nullptr; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Transform& transform_;
  };

  bool open(const SSL_CTX* context);
  bool name_peer(const std::string& server_name);
  bool readable() const noexcept { return !transform.input_empty() || SSL_pending(ssl.get()) > 0; }
  ReadResult finish(ReadStatus status);
  ReadResult tell_end();
  void fail(ErrorCode code, std::string why);
  bool stopped(int returned);  // a call of OpenSSL's did not succeed: true if nothing comes after it
  ReadResult handshake_step();
  void learn_facts();
  ReadResult read_records(char* plain, std::size_t capacity);
};

bool TlsEngine::Impl::open(const SSL_CTX* context) {
  BioPtr bio = make_bio(transform);
  ssl.reset(SSL_new(const_cast<SSL_CTX*>(context)));  // counts a reference; nothing else changes
  if (!bio || !ssl) {
    take_error();
    return false;
  }
  SSL_set0_rbio(ssl.get(), bio.get());
  BIO_up_ref(bio.get());
  SSL_set0_wbio(ssl.get(), bio.release());
  return true;
}

// RFC 9525 §6: the name or the address, in subjectAltName alone; a wildcard is the whole leftmost label.
bool TlsEngine::Impl::name_peer(const std::string& server_name) {
  std::string name = server_name;
  if (!name.empty() && name.back() == '.') name.pop_back();
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
  const bool full = client->impl().verify == config::Verify::Full;
  if (name.empty()) {
    if (full) fail(ErrorCode::UpstreamCertificate, "no server name to verify");
    return true;
  }
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
  const bool is_address = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  take_error();
  if (!is_address && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) {
    fail(full ? ErrorCode::UpstreamCertificate : ErrorCode::UpstreamTls, take_reason());
    return true;
  }
  if (!is_address) transform.facts.sni = name;
  if (!full) return true;
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(param,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size()) == 1;
}

ReadResult TlsEngine::Impl::finish(ReadStatus status) {
  end = status;
  transform.drop_input();
  return tell_end();
}

ReadResult TlsEngine::Impl::tell_end() {
  end_told = true;
  return {end, 0};
}

void TlsEngine::Impl::fail(ErrorCode code, std::string why) {
  if (end == ReadStatus::Failed) return;
  error = code;
  reason = std::move(why);
  end = ReadStatus::Failed;
  end_told = false;
  transform.drop_input();
}

bool TlsEngine::Impl::stopped(int returned) {
  const int kind = SSL_get_error(ssl.get(), returned);
  const unsigned long queued = take_error();
  if (kind == SSL_ERROR_WANT_READ) return false;
  if (kind == SSL_ERROR_ZERO_RETURN) {
    end = ReadStatus::CloseNotify;
  } else if (is_truncation(queued) ||
             (kind == SSL_ERROR_SYSCALL && !transform.overrun && transform.end_of_file)) {
    end = ReadStatus::Truncated;
  } else {
    const Failure failure = server ? client_failure(ssl.get(), transform, queued)
                                   : upstream_failure(ssl.get(), transform, queued);
    fail(failure.code, failure.reason);
  }
  transform.drop_input();
  return true;
}

ReadResult TlsEngine::Impl::handshake_step() {
  if (transform.input_empty() && !transform.end_of_file) return {};
  const int done = SSL_do_handshake(ssl.get());
  if (done == 1) {
    take_error();
    learn_facts();
    return {ReadStatus::Handshaken, 0};
  }
  return stopped(done) ? tell_end() : ReadResult{};
}

void TlsEngine::Impl::learn_facts() {
  handshaken = true;
  transform.answering = true;
  TlsFacts& facts = transform.facts;
  facts.secure = true;
  facts.minor = static_cast<std::uint8_t>(SSL_version(ssl.get()) - TLS1_VERSION);
  facts.resumed = SSL_session_reused(ssl.get()) == 1;
  facts.cipher = SSL_get_cipher_name(ssl.get());
  // Names a constant table entry; the signature alone is not const.
  const int group = static_cast<int>(SSL_get_negotiated_group(ssl.get()));
  const char* name = group == 0 ? nullptr : SSL_group_to_name(ssl.get(), group);
  if (name != nullptr) facts.group = name;
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl.get(), &alpn, &size);
  if (size != 0) facts.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  if (server && server->impl().client_auth != config::ClientAuth::Off)
    facts.client_cert = client_certificate(ssl.get(), server->impl().sha256.get());
  const std::uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl.get()));
  if (code >= TLSEXT_max_fragment_length_512 && code <= TLSEXT_max_fragment_length_4096)
    record_bytes = static_cast<std::uint16_t>(256U << code);
}

ReadResult TlsEngine::Impl::read_records(char* plain, std::size_t capacity) {
  std::size_t total = 0;
  while (total < capacity && readable()) {
    const std::size_t room = std::min<std::size_t>(capacity - total, INT_MAX);
    const int size = SSL_read(ssl.get(), plain + total, static_cast<int>(room));
    if (size <= 0) {
      if (stopped(size)) break;
      continue;
    }
    total += static_cast<std::size_t>(size);
    transform.answers = 0;
  }
  if (total != 0) return {ReadStatus::Plain, total};
  if (end != ReadStatus::WantInput) return tell_end();
  if (transform.end_of_file && !readable() && capacity != 0) return finish(ReadStatus::Truncated);
  return {};
}

TlsEngine::TlsEngine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsEngine::~TlsEngine() = default;

std::unique_ptr<TlsEngine> TlsEngine::accept(std::shared_ptr<const ServerContext> context) {
  auto impl = std::make_unique<Impl>();
  impl->server = std::move(context);
  if (!impl->open(impl->server->impl().groups.front().get())) return nullptr;
  SSL_set_accept_state(impl->ssl.get());
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(impl)));
}

std::unique_ptr<TlsEngine> TlsEngine::connect(std::shared_ptr<const ClientContext> context,
                                              const std::string& server_name) {
  auto impl = std::make_unique<Impl>();
  impl->client = std::move(context);
  if (!impl->open(impl->client->impl().context.get()) || !impl->name_peer(server_name)) return nullptr;
  SSL_set_connect_state(impl->ssl.get());
  return std::unique_ptr<TlsEngine>(new TlsEngine(std::move(impl)));
}

void TlsEngine::feed(Octets cipher) {
  assert(impl_->transform.borrowed.empty());
  if (impl_->end == ReadStatus::WantInput) impl_->transform.borrowed = cipher;
}

void TlsEngine::end_of_file() noexcept { impl_->transform.end_of_file = true; }

ReadResult TlsEngine::read(char* plain, std::size_t capacity, CipherBuffer& out) {
  if (impl_->end != ReadStatus::WantInput) return impl_->tell_end();
  const Impl::Call call(*impl_, out);
  return impl_->handshaken ? impl_->read_records(plain, capacity) : impl_->handshake_step();
}

bool TlsEngine::has_input() const noexcept {
  if (impl_->end != ReadStatus::WantInput) return !impl_->end_told;
  return impl_->readable();
}

void TlsEngine::keep() {
  Transform& transform = impl_->transform;
  if (!transform.borrowed.empty()) transform.kept.append(transform.borrowed);
  transform.borrowed = {};
}

void TlsEngine::start(CipherBuffer& out) {
  if (impl_->handshaken || impl_->end != ReadStatus::WantInput || impl_->server) return;
  const Impl::Call call(*impl_, out);
  const int done = SSL_do_handshake(impl_->ssl.get());
  if (done != 1) impl_->stopped(done);
}

std::size_t TlsEngine::write(Octets plain, CipherBuffer& out) {
  Impl& impl = *impl_;
  if (!impl.handshaken || impl.close_sent || impl.end == ReadStatus::Failed) return 0;
  const Impl::Call call(impl, out);
  impl.transform.answering = false;
  std::size_t written = 0;
  while (written < plain.size() && out.room() > kRecordOverhead) {
    const std::size_t left = std::min<std::size_t>(plain.size() - written, impl.record_bytes);
    const std::size_t part = std::min(left, out.room() - kRecordOverhead);
    if (part < left && part < kRecordBytesMin) break;
    const int size = SSL_write(impl.ssl.get(), plain.data() + written, static_cast<int>(part));
    if (size <= 0) {
      impl.stopped(size);
      break;
    }
    written += static_cast<std::size_t>(size);
  }
  impl.transform.answering = true;
  return written;
}

void TlsEngine::close_notify(CipherBuffer& out) {
  Impl& impl = *impl_;
  if (!impl.handshaken || impl.close_sent || impl.end == ReadStatus::Failed) return;
  if (out.room() < kRecordOverhead) return;
  const Impl::Call call(impl, out);
  impl.transform.answering = false;
  impl.close_sent = true;
  SSL_shutdown(impl.ssl.get());  // 0: sent, the peer's has not come; that is all that is wanted
  take_error();
  impl.transform.answering = true;
}

bool TlsEngine::handshaken() const noexcept { return impl_->handshaken; }
const TlsFacts& TlsEngine::facts() const noexcept { return impl_->transform.facts; }
TlsFacts TlsEngine::take_facts() noexcept { return std::exchange(impl_->transform.facts, {}); }
ErrorCode TlsEngine::error() const noexcept { return impl_->error; }
const std::string& TlsEngine::reason() const noexcept { return impl_->reason; }

void TlsEngine::cleanse_plaintext(bool on) noexcept {
  if (on)
    SSL_set_options(impl_->ssl.get(), SSL_OP_CLEANSE_PLAINTEXT);
  else
    SSL_clear_options(impl_->ssl.get(), SSL_OP_CLEANSE_PLAINTEXT);
}

}  // namespace postern::tls
