/** The command that goes on with a run that was stopped: the one that began it, with --resume. */

export function resumeCommand(args: readonly string[]): string {
  const words = args.includes("--resume") ? args : [...args, "--resume"];
  return ["striate", ...words.map(quoted)].join(" ");
}

/** For the shells of Unix: single quotes around what is not plainly one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
