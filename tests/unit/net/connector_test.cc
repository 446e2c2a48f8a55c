#include "net/connector.h"

#include <optional>

#include "unit/net/support.h"

namespace postern::net {
namespace {

Endpoint endpoint_at(const Socket& socket, const std::string& name) {
  return {address_of(socket), host_port_text(address_of(socket)), name};
}

// The relay's part: what became of the dial.
class Dialler final : public StreamUser {
 public:
  Memory read_memory(Stream&) noexcept override { return {}; }
  void on_read(Stream&, Octets) noexcept override {}
  void on_read_end(Stream&, int) noexcept override {}
  void on_connected(Stream&, int error) noexcept override { outcome = error; }
  void on_written(Stream&, int) noexcept override {}
  void on_shutdown(Stream&) noexcept override {}
  void on_closed() noexcept override {}

  std::optional<int> outcome;
};

TEST(Connector, TriesEachEndpointInOrderOnce) {
  Dialler dialler;
  Loop loop;
  const Socket refusing = loopback_socket();  // bound, but nobody listens
  const Socket listening = listening_socket();
  Candidates candidates;
  candidates.endpoints = {endpoint_at(refusing, "first"), endpoint_at(listening, "second")};
  Connector connector(loop.get(), dialler, candidates);

  StreamPtr stream = connector.dial_next();
  ASSERT_TRUE(stream);
  EXPECT_EQ(connector.endpoint().server_name, "first");
  loop.until([&] { return dialler.outcome.has_value(); });
  EXPECT_EQ(error_of_connect(*dialler.outcome), ErrorCode::UpstreamRefused);
  connector.failed(error_of_connect(*dialler.outcome));
  EXPECT_FALSE(connector.exhausted());

  dialler.outcome.reset();
  stream = connector.dial_next();
  ASSERT_TRUE(stream);
  EXPECT_EQ(connector.endpoint().server_name, "second");
  loop.until([&] { return dialler.outcome.has_value(); });
  EXPECT_EQ(*dialler.outcome, 0);
  EXPECT_TRUE(connector.exhausted());
  EXPECT_FALSE(connector.dial_next()) << "none is tried twice";
  EXPECT_EQ(connector.why(), ErrorCode::UpstreamRefused) << "the last failure is what the client is told";
}

TEST(Connector, WithoutEndpointsSaysWhyThereAreNone) {
  Dialler dialler;
  Loop loop;
  Candidates candidates;
  candidates.why_empty = ErrorCode::UpstreamDns;
  Connector connector(loop.get(), dialler, candidates);
  EXPECT_TRUE(connector.exhausted());
  EXPECT_FALSE(connector.dial_next());
  EXPECT_EQ(connector.why(), ErrorCode::UpstreamDns);
}

TEST(Connector, ADialThatIsGivenUpTellsNobody) {
  Dialler dialler;
  Loop loop;
  const Socket listening = listening_socket();
  Candidates candidates;
  candidates.endpoints = {endpoint_at(listening, "only")};
  Connector connector(loop.get(), dialler, candidates);
  StreamPtr stream = connector.dial_next();
  ASSERT_TRUE(stream);
  stream.reset();
  loop.until([&] { return dialler.open_streams() == 0; });
  EXPECT_FALSE(dialler.outcome);
}

TEST(Connector, AnAddressOfNoFamilyIsRefusedAtOnce) {
  Dialler dialler;
  Loop loop;
  Candidates candidates;
  candidates.endpoints = {Endpoint{}};
  Connector connector(loop.get(), dialler, candidates);
  EXPECT_FALSE(connector.dial_next());
  EXPECT_EQ(connector.why(), ErrorCode::UpstreamDown);
}

TEST(Connector, NamesWhatWentWrong) {
  EXPECT_EQ(error_of_connect(UV_ECONNREFUSED), ErrorCode::UpstreamRefused);
  EXPECT_EQ(error_of_connect(UV_ETIMEDOUT), ErrorCode::UpstreamConnectTimeout);
  EXPECT_EQ(error_of_connect(UV_EHOSTUNREACH), ErrorCode::UpstreamDown);
}

TEST(Connector, LabelsEveryWayInWhichAnUpstreamFails) {
  using telemetry::ConnectResult;
  const std::pair<ErrorCode, ConnectResult> rows[] = {
      {ErrorCode::Ok, ConnectResult::Ok},
      {ErrorCode::UpstreamRefused, ConnectResult::Refused},
      {ErrorCode::UpstreamConnectTimeout, ConnectResult::Timeout},
      {ErrorCode::UpstreamLoginTimeout, ConnectResult::Timeout},
      {ErrorCode::UpstreamSilent, ConnectResult::Timeout},
      {ErrorCode::UpstreamDns, ConnectResult::Dns},
      {ErrorCode::UpstreamTls, ConnectResult::Tls},
      {ErrorCode::UpstreamCertificate, ConnectResult::Tls},
      {ErrorCode::UpstreamStarttls, ConnectResult::Tls},
      {ErrorCode::UpstreamGreeting, ConnectResult::Greeting},
      {ErrorCode::UpstreamPreauth, ConnectResult::Greeting},
      {ErrorCode::UpstreamBye, ConnectResult::Greeting},
      {ErrorCode::UpstreamMalformed, ConnectResult::Greeting},
      {ErrorCode::UpstreamDown, ConnectResult::Error},
      {ErrorCode::UpstreamReset, ConnectResult::Error},
      {ErrorCode::UpstreamProxyHeader, ConnectResult::Error},
  };
  for (const auto& [code, result] : rows) EXPECT_EQ(result_of(code), result) << label_of(code);
}

}  // namespace
}  // namespace postern::net
