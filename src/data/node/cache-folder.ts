/** Where downloads are kept. */

import { homedir, platform } from "node:os";
import { join } from "node:path";

/** `$XDG_CACHE_HOME/striate`, else the platform's own: ~/.cache, ~/Library/Caches or %LOCALAPPDATA%. */
export function cacheFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  if (environment.XDG_CACHE_HOME) return join(environment.XDG_CACHE_HOME, "striate");
  if (platform() === "darwin") return join(homedir(), "Library", "Caches", "striate");
  if (platform() === "win32") {
    return join(environment.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "striate", "Cache");
  }
  return join(homedir(), ".cache", "striate");
}
