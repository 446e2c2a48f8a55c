#include "imap/verb.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern::imap {
namespace {

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
  std::string names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Verb::kCount); ++i)
    if (takes_uid(static_cast<Verb>(i))) names.append(name_of(static_cast<Verb>(i))).append(" ");
  EXPECT_EQ(names, "COPY EXPUNGE FETCH MOVE REPLACE SEARCH SORT STORE THREAD ");
}

}  // namespace
}  // namespace postern::imap
