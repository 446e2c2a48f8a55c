// A folder to be read, from open() on. Not opendir(): ThreadSanitizer takes only open() for the birth of a
// descriptor, and libuv closes by a raw system call that it does not see, so that a number used again looked
// like that of an old connection. Any thread.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>

namespace postern {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};
using FolderPtr = std::unique_ptr<DIR, CloseFolder>;

// Null, and errno, if it cannot be opened.
inline FolderPtr open_folder(const char* path) noexcept {
  const int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  FolderPtr folder(fdopendir(descriptor));
  if (!folder) close(descriptor);
  return folder;
}

}  // namespace postern
