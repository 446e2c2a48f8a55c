#include "imap/verb.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace postern::imap {
namespace {

// The names of the rows that have it, in order.
std::string those(const std::function<bool(const VerbRow&)>& has) {
  std::string names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::kCount); ++i) {
    const VerbRow& row = row_of(static_cast<Verb>(i));
    if (has(row)) names.append(names.empty() ? "" : " ").append(row.name);
  }
  return names;
}

std::string with_trait(std::uint8_t trait) {
  return those([trait](const VerbRow& row) { return (row.traits & trait) != 0; });
}

std::string with_effect(std::uint8_t effect) {
  return those([effect](const VerbRow& row) { return (row.effects & effect) != 0; });
}

std::string with_argument(Argument argument) {
  return those([argument](const VerbRow& row) {
    for (const Argument each : row.arguments)
      if (each == argument) return true;
    return false;
  });
}

TEST(Verb, EveryNameIsFoundInAnyCase) {
  std::set<std::string> names;
  for (std::size_t i = 1; i < static_cast<std::size_t>(Verb::kCount); ++i) {
    const Verb verb = static_cast<Verb>(i);
    std::string name(name_of(verb));
    SCOPED_TRACE(name);
    EXPECT_TRUE(names.insert(name).second);
    EXPECT_EQ(name, to_upper(name));
    EXPECT_EQ(verb_of(name), verb);
    for (char& c : name) c = ascii_lower(c);
    EXPECT_EQ(verb_of(name), verb);
    EXPECT_EQ(verb_of(name + "x"), Verb::Unknown);
    EXPECT_EQ(verb_of(" " + name), Verb::Unknown);
  }
}

// The enumeration and the table are held together by spelling.
TEST(Verb, NamesStandByTheirVerbs) {
  EXPECT_EQ(name_of(Verb::Append), "APPEND");
  EXPECT_EQ(name_of(Verb::Done), "DONE");
  EXPECT_EQ(name_of(Verb::Genurlauth), "GENURLAUTH");
  EXPECT_EQ(name_of(Verb::Id), "ID");
  EXPECT_EQ(name_of(Verb::Lsub), "LSUB");
  EXPECT_EQ(name_of(Verb::Resetkey), "RESETKEY");
  EXPECT_EQ(name_of(Verb::Sort), "SORT");
  EXPECT_EQ(name_of(Verb::Unauthenticate), "UNAUTHENTICATE");
  EXPECT_EQ(name_of(Verb::Uidbatches), "UIDBATCHES");
  EXPECT_EQ(name_of(Verb::Xlist), "XLIST");
}

TEST(Verb, WhatHasNoRowIsUnknown) {
  for (const Octets name : {"", "OTHER", "FOO", "UID", "+", "1", "[", "LANGUAGE", "\xc3\xa4"})
    EXPECT_EQ(verb_of(name), Verb::Unknown) << name;
  EXPECT_EQ(name_of(Verb::Unknown), "OTHER");
}

TEST(Verb, ThoseThatTakeUid) {
  EXPECT_EQ(with_trait(trait::kTakesUid), "COPY EXPUNGE FETCH MOVE REPLACE SEARCH SORT STORE THREAD");
  EXPECT_TRUE(takes_uid(Verb::Store));
  EXPECT_FALSE(takes_uid(Verb::Append));
}

// protocol.md §3.
TEST(Verb, BarriersAreTheCommandsAfterWhichOthersMeanSomethingElse) {
  EXPECT_EQ(with_trait(trait::kBarrier),
            "AUTHENTICATE CLOSE COMPRESS ENABLE EXAMINE IDLE LOGIN LOGOUT SELECT STARTTLS UNSELECT");
  EXPECT_EQ(with_trait(trait::kCountedBarrier), "DELETE EXPUNGE MOVE RENAME REPLACE");
  EXPECT_TRUE(is_barrier(Verb::Select));
  // mbsync pipelines 32 UID STOREs.
  for (const Verb verb : {Verb::Store, Verb::Copy, Verb::Append, Verb::Fetch, Verb::Search, Verb::Unknown})
    EXPECT_FALSE(is_barrier(verb)) << name_of(verb);
}

TEST(Verb, ThoseThatWaitForAPlus) { EXPECT_EQ(with_trait(trait::kPlus), "AUTHENTICATE IDLE"); }

// command_grammar.cc says what the letters mean.
TEST(Verb, ThoseThatMayCarryALiteral) {
  EXPECT_EQ(those([](const VerbRow& row) { return row.literals.find('M') != Octets::npos; }),
            "APPEND REPLACE");
  EXPECT_EQ(
      those([](const VerbRow& row) { return row.literals.empty(); }),
      "OTHER AUTHENTICATE CANCELUPDATE CAPABILITY CHECK CLOSE COMPRESS DONE ENABLE EXPUNGE GETJMAPACCESS "
      "IDLE LOGOUT NAMESPACE NOOP STARTTLS UNAUTHENTICATE UIDBATCHES UNSELECT");
}

// protocol.md §5.
TEST(Verb, WhatEachCanDo) {
  EXPECT_EQ(with_effect(effect::kDestroys),
            "OTHER DELETE DELETEACL EXPUNGE MOVE RENAME REPLACE SETACL SETMETADATA SETQUOTA");
  EXPECT_EQ(with_effect(effect::kMayDestroy), "APPEND CLOSE STORE");
  EXPECT_EQ(with_effect(effect::kAuthenticates), "AUTHENTICATE LOGIN LOGOUT STARTTLS UNAUTHENTICATE");
  EXPECT_EQ(
      with_effect(effect::kAdministers),
      "DELETEACL GETACL GETMETADATA GETQUOTA GETQUOTAROOT LISTRIGHTS MYRIGHTS SETACL SETMETADATA SETQUOTA");
  EXPECT_EQ(with_effect(effect::kWrites),
            "OTHER APPEND CLOSE COPY CREATE DELETE DELETEACL EXPUNGE GENURLAUTH MOVE RENAME REPLACE RESETKEY "
            "SETACL SETMETADATA SETQUOTA STORE SUBSCRIBE UNSUBSCRIBE");
  EXPECT_EQ(those([](const VerbRow& row) { return row.effects == 0; }),
            "CAPABILITY CHECK COMPRESS DONE ENABLE ID IDLE NOOP UNSELECT");
  // What can destroy writes; what reads does neither.
  EXPECT_EQ(those([](const VerbRow& row) {
              const bool destroys = (row.effects & (effect::kDestroys | effect::kMayDestroy)) != 0;
              const bool writes = (row.effects & effect::kWrites) != 0;
              return (destroys && !writes) || (writes && (row.effects & effect::kReads) != 0);
            }),
            "");
}

TEST(Verb, WhereMailboxesStand) {
  EXPECT_EQ(with_argument(Argument::Opened), "EXAMINE SELECT");
  EXPECT_EQ(with_argument(Argument::Source), "DELETE RENAME");
  EXPECT_EQ(with_argument(Argument::Target), "APPEND COPY CREATE MOVE RENAME REPLACE");
  EXPECT_EQ(
      with_argument(Argument::Named),
      "DELETEACL GETACL GETMETADATA GETQUOTAROOT LISTRIGHTS MYRIGHTS RESETKEY SETACL SETMETADATA STATUS "
      "SUBSCRIBE UNSUBSCRIBE");
  EXPECT_EQ(with_argument(Argument::Patterns), "LIST LSUB XLIST");
  EXPECT_EQ(with_trait(trait::kSelected),
            "OTHER CHECK CLOSE COPY ESEARCH EXPUNGE FETCH MOVE REPLACE SEARCH SORT STORE THREAD UIDBATCHES "
            "UNSELECT");
}

}  // namespace
}  // namespace postern::imap
