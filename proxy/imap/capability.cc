#include "imap/capability.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "imap/grammar.h"

namespace postern::imap {
namespace {

using enum CapabilityVerdict;

// A row's reason says what a session meets when the capability is told, or why it is not.
constexpr CapabilityRow kTable[] = {
    {"IMAP4REV1", Pass, "RFC 3501: the base"},
    {"IMAP4REV2", Pass, "RFC 9051: the base"},
    {"IMAP4", Hide, "RFC 1730: obsolete commands whose shape the scanners do not know"},
    {"ACL", Pass, "RFC 4314: its commands are verbs"},
    {"ACL2=", Pass, "Courier: how the rights of several identifiers add up"},
    {"ANNOTATE-EXPERIMENT-1", Pass, "RFC 5257: items of FETCH, STORE, SEARCH and APPEND"},
    {"APPENDLIMIT", Pass, "RFC 7889: an item of STATUS"},
    {"APPENDLIMIT=", Pass, "RFC 7889: lowered to limits.literal"},
    {"AUTH=", Own, "what the gateway relays; none after login"},
    {"AUTH=*-PLUS", Hide, "RFC 5802: bound to a TLS channel, and there are two of them"},
    {"AUTH=EXTERNAL", Own,
     "RFC 4422: never relayed, the upstream would take the gateway's certificate for the client's"},
    {"BINARY", Pass, "RFC 3516: literal8 is framed"},
    {"CATENATE", Pass, "RFC 4469: TEXT parts are bodies, URL parts are arguments"},
    {"CHILDREN", Pass, "RFC 3348: attributes of LIST"},
    {"COMPRESS=", Hide, "RFC 4978: nothing could be inspected behind it"},
    {"CONDSTORE", Pass, "RFC 7162: modifiers of SELECT, FETCH and STORE"},
    {"CONTEXT=SEARCH", Pass, "RFC 5267: an option of SEARCH, and CANCELUPDATE"},
    {"CONTEXT=SORT", Pass, "RFC 5267: an option of SORT"},
    {"CONVERT", Hide, "RFC 5259: a command whose shape the scanners do not know"},
    {"CREATE-SPECIAL-USE", Pass, "RFC 6154: an argument of CREATE"},
    {"DIGEST=SHA1", Pass, "Cyrus: an item of FETCH"},
    {"ENABLE", Pass, "RFC 5161: its words pass this table"},
    {"ESEARCH", Pass, "RFC 4731: options of SEARCH"},
    {"ESORT", Pass, "RFC 5267: options of SORT"},
    {"FILTERS", Pass, "RFC 5466: a search key; filters are set by SETMETADATA, which is judged"},
    {"I18NLEVEL=1", Pass, "RFC 5255: how SEARCH compares"},
    {"I18NLEVEL=2", Hide, "RFC 5255: COMPARATOR is a command whose shape the scanners do not know"},
    {"ID", Own, "RFC 2971: answered here before login, by rewrite.id behind it"},
    {"IDLE", Pass, "RFC 2177: followed from + to DONE"},
    {"IMAPSIEVE=", Pass, "RFC 6785: scripts are attached by SETMETADATA, which is judged"},
    {"INPROGRESS", Pass, "RFC 9585: a response code"},
    {"JMAPACCESS", Hide, "RFC 9698: a way round the gateway"},
    {"LANGUAGE", Hide, "RFC 5255: a command whose shape the scanners do not know"},
    {"LIST-EXTENDED", Pass, "RFC 5258: options of LIST"},
    {"LIST-METADATA", Pass, "RFC 9590: an option of LIST"},
    {"LIST-MYRIGHTS", Pass, "RFC 8440: an option of LIST"},
    {"LIST-STATUS", Pass, "RFC 5819: an option of LIST"},
    {"LITERAL+", Own, "RFC 7888: the gateway takes {n+} itself and never sends one"},
    {"LITERAL-", Own, "RFC 7888: told in the place of LITERAL+ where the configuration adds it"},
    {"LOGIN-REFERRALS", Hide, "RFC 2221: a way round the gateway"},
    {"LOGINDISABLED", Own, "RFC 3501: where TLS is missing on the client's side"},
    {"MAILBOX-REFERRALS", Hide, "RFC 2193: a way round the gateway"},
    {"MESSAGELIMIT=", Pass, "RFC 9738: how many messages one command reaches"},
    {"METADATA", Pass, "RFC 5464: its commands are verbs"},
    {"METADATA-SERVER", Pass, "RFC 5464: its commands are verbs"},
    {"MOVE", Pass, "RFC 6851: a verb"},
    {"MULTIAPPEND", Pass, "RFC 3502: each message is a body of its own"},
    {"MULTISEARCH", Pass, "RFC 7377: ESEARCH is a verb"},
    {"NAMESPACE", Pass, "RFC 2342: a verb"},
    {"NO_ATOMIC_RENAME", Pass, "Cyrus: how RENAME behaves"},
    {"NOTIFY", Pass, "RFC 5465: a verb"},
    {"OBJECTID", Pass, "RFC 8474: items of FETCH and STATUS, keys of SEARCH"},
    {"OBJECTIDBIS", Pass, "its successor: the same items"},
    {"PARTIAL", Pass, "RFC 9394: an option of SEARCH and FETCH"},
    {"PREVIEW", Pass, "RFC 8970: an item of FETCH"},
    {"PREVIEW=FUZZY", Pass, "Dovecot: an item of FETCH"},
    {"QRESYNC", Pass, "RFC 7162: VANISHED is looked at"},
    {"QUOTA", Pass, "RFC 9208: its commands are verbs"},
    {"QUOTA=RES-*", Pass, "RFC 9208: which resources there are"},
    {"QUOTASET", Pass, "RFC 9208: SETQUOTA is a verb"},
    {"REPLACE", Pass, "RFC 8508: a verb with a body"},
    {"RIGHTS=", Pass, "RFC 4314: which rights there are"},
    {"SASL-IR", Own, "RFC 4959: translated for upstreams without it; of no use after login"},
    {"SAVEDATE", Pass, "RFC 8514: items of FETCH, keys of SEARCH"},
    {"SAVELIMIT=", Pass, "RFC 9738: how many results are saved"},
    {"SEARCH=FUZZY", Pass, "RFC 6203: a search key"},
    {"SEARCHRES", Pass, "RFC 5182: $ in sets"},
    {"SNIPPET=FUZZY", Pass, "Dovecot: an item of FETCH"},
    {"SORT", Pass, "RFC 5256: a verb"},
    {"SORT=DISPLAY", Pass, "RFC 5957: a sort key"},
    {"SORT=MODSEQ", Pass, "Cyrus: a sort key"},
    {"SORT=UID", Pass, "Cyrus: a sort key"},
    {"SPECIAL-USE", Pass, "RFC 6154: attributes of LIST"},
    {"STARTTLS", Own, "the client's TLS ends at the gateway"},
    {"STATUS=SIZE", Pass, "RFC 8438: an item of STATUS"},
    {"THREAD=", Pass, "RFC 5256: a verb"},
    {"UIDBATCHES", Pass, "a verb that only reads"},
    {"UIDONLY", Pass, "RFC 9586: UIDFETCH is untagged data like FETCH"},
    {"UIDPLUS", Pass, "RFC 4315: UID EXPUNGE and response codes"},
    {"UNAUTHENTICATE", Hide, "RFC 8437: the user would change unseen"},
    {"UNSELECT", Pass, "RFC 3691: a verb"},
    {"URL-PARTIAL", Pass, "RFC 5550: part of CATENATE's URLs"},
    {"URLAUTH", Hide, "RFC 4467: mail would leave past the gateway"},
    {"URLAUTH=", Hide, "RFC 5524: mail would leave past the gateway"},
    {"UTF8=", Hide, "RFC 5738: obsolete forms"},
    {"UTF8=ACCEPT", Pass, "RFC 6855: mailbox names are read as UTF-8 then"},
    {"UTF8=ONLY", Pass, "RFC 6855: the same, and nothing else"},
    {"WITHIN", Pass, "RFC 5032: search keys"},
    {"X-CREATEDMODSEQ", Pass, "Cyrus: an item of FETCH, a key of SEARCH"},
    {"X-GM-EXT-1", Pass, "Gmail: items of FETCH and STORE; labels are judged"},
    {"X-QUOTA=", Pass, "Cyrus: which resources there are"},
    {"X-REPLICATION", Hide, "Cyrus: commands between servers, past every rule"},
    {"XAPPLEPUSHSERVICE", Pass, "Apple: a verb"},
    {"XBACKUP", Hide, "Cyrus: a command whose shape the scanners do not know"},
    {"XCONVERSATIONS", Hide, "Cyrus: commands whose shape the scanners do not know"},
    {"XLIST", Pass, "Gmail: a verb"},
    {"XMAGICTRASH", Pass, "Courier: how EXPUNGE behaves"},
    {"XMOVE", Hide, "Cyrus: MOVE by a name that is no verb here"},
};

constexpr Octets kRev1 = "IMAP4rev1";
constexpr Octets kAuth = "AUTH=";
constexpr Octets kLiteralPlus = "LITERAL+";
constexpr Octets kLiteralMinus = "LITERAL-";

bool contains(std::span<const std::string> names, Octets name) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [name](const std::string& entry) { return equals_ignoring_case(entry, name); });
}

bool is_version(Octets name) noexcept { return starts_ignoring_case(name, "IMAP4rev"); }

bool is_passed(Octets name) noexcept {
  const CapabilityRow* row = find_capability(name);
  return row != nullptr && row->verdict == Pass;
}

// A mechanism that the gateway can relay: one that has no row of its own.
bool is_relayed_mechanism(Octets name) noexcept {
  const CapabilityRow* row = find_capability(name);
  return row != nullptr && row->name == kAuth && name.size() > kAuth.size();
}

// APPENDLIMIT=n must not promise more than the gateway takes (RFC 7889 §2).
std::string with_limit(Octets name, std::uint64_t literal_limit) {
  constexpr Octets kLimit = "APPENDLIMIT=";
  if (literal_limit == 0 || !starts_ignoring_case(name, kLimit)) return std::string(name);
  std::uint64_t value = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kLimit.size(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value <= literal_limit) return std::string(name);
  return std::string(kLimit) + std::to_string(literal_limit);
}

// Collects what is told: each name once, none that the operator hides.
class Offer {
 public:
  explicit Offer(const CapabilityEdit& edit) : edit_(edit) {
    // RFC 7888 §5: never both.
    if (literals_are_limited(edit)) seen_.insert(std::string(kLiteralPlus));
  }

  void add(Octets name) {
    if (name.empty() || contains(edit_.hide, name) || !seen_.insert(to_upper(name)).second) return;
    if (!text_.empty()) text_ += ' ';
    text_ += with_limit(name, edit_.literal_limit);
  }
  void add_literal() { add(literals_are_limited(edit_) ? kLiteralMinus : kLiteralPlus); }
  std::string finish() {
    for (const std::string& name : edit_.add) add(name);
    return std::move(text_);
  }

 private:
  const CapabilityEdit& edit_;
  std::set<std::string> seen_;
  std::string text_;
};

// Whether a row that stands for many names (`AUTH=`, `AUTH=*-PLUS`) has this one among them.
bool is_of_family(Octets name, Octets row) noexcept {
  const std::size_t star = row.find('*');
  if (star == Octets::npos) return row.ends_with('=') && starts_ignoring_case(name, row);
  const Octets suffix = row.substr(star + 1);
  return name.size() >= row.size() && starts_ignoring_case(name, row.substr(0, star)) &&
         equals_ignoring_case(name.substr(name.size() - suffix.size()), suffix);
}

// A name with a value counts as common only where the value is the same.
bool all_have(std::span<const CapabilityList> lists, Octets name) noexcept {
  return std::all_of(lists.begin(), lists.end(),
                     [name](const CapabilityList& list) { return has_capability(list, name); });
}

}  // namespace

std::span<const CapabilityRow> capability_table() noexcept { return kTable; }

bool stands_for_many(Octets row_name) noexcept {
  return row_name.ends_with('=') || row_name.find('*') != Octets::npos;
}

const CapabilityRow* find_capability(Octets name) noexcept {
  const CapabilityRow* best = nullptr;
  for (const CapabilityRow& row : kTable) {
    if (equals_ignoring_case(row.name, name)) return &row;
    if (!is_of_family(name, row.name)) continue;
    if (best == nullptr || row.name.size() > best->name.size()) best = &row;
  }
  return best;
}

CapabilityList parse_capabilities(Octets list) {
  CapabilityList names;
  std::set<std::string> seen;
  while (!list.empty()) {
    const Octets name = take_word(list);
    // What is no atom is no capability, and must not stand in an answer of the gateway's own.
    if (name.empty() || grammar::run(name, grammar::kAtom) != name.size()) continue;
    if (seen.insert(to_upper(name)).second) names.emplace_back(name);
  }
  return names;
}

bool has_capability(const CapabilityList& list, Octets name) noexcept { return contains(list, name); }

bool literals_are_limited(const CapabilityEdit& edit) noexcept {
  return contains(edit.add, kLiteralMinus) && !contains(edit.hide, kLiteralMinus);
}

std::string capabilities_after_login(const CapabilityList& upstream, const CapabilityEdit& edit) {
  Offer offer(edit);
  if (std::none_of(upstream.begin(), upstream.end(), is_passed)) offer.add(kRev1);
  for (const std::string& name : upstream) {
    if (is_passed(name)) offer.add(name);
    if (equals_ignoring_case(name, "ID")) offer.add("ID");
    if (equals_ignoring_case(name, kLiteralPlus) || equals_ignoring_case(name, kLiteralMinus))
      offer.add_literal();
  }
  offer.add("ID");
  offer.add_literal();
  return offer.finish();
}

std::string capabilities_before_login(std::span<const CapabilityList> upstreams, Channel channel,
                                      const CapabilityEdit& edit) {
  const CapabilityList unprobed{std::string(kRev1), "AUTH=PLAIN"};
  std::vector<CapabilityList> lists(upstreams.begin(), upstreams.end());
  for (CapabilityList& list : lists)
    if (list.empty()) list = unprobed;
  if (lists.empty()) lists.push_back(unprobed);

  Offer offer(edit);
  const CapabilityList& first = lists.front();
  for (const std::string& name : first)
    if (is_version(name) && is_passed(name) && all_have(lists, name)) offer.add(name);
  if (std::none_of(first.begin(), first.end(), [&](const std::string& name) {
        return is_version(name) && is_passed(name) && all_have(lists, name);
      }))
    offer.add(kRev1);
  offer.add("SASL-IR");
  offer.add("ID");
  offer.add_literal();
  for (const std::string& name : first)
    if (is_passed(name) && all_have(lists, name)) offer.add(name);
  if (channel == Channel::NeedsTls) {
    offer.add("STARTTLS");
    offer.add("LOGINDISABLED");
    return offer.finish();
  }
  for (const std::string& name : first)
    if (is_relayed_mechanism(name) && all_have(lists, name)) offer.add(name);
  // An upstream that takes no LOGIN at all: a client that is told so tries AUTHENTICATE.
  if (std::any_of(lists.begin(), lists.end(),
                  [](const auto& list) { return has_capability(list, "LOGINDISABLED"); }))
    offer.add("LOGINDISABLED");
  return offer.finish();
}

}  // namespace postern::imap
